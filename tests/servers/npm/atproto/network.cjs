// The directory of names, and the view of Bluesky that reads everybody's records from the data server.
const { TestBsky, TestPlc, mockNetworkUtilities } = require('@atproto/dev-env')

const [plcPort, viewPort, pdsPort, dbPostgresUrl] = process.argv.slice(2)
const pdsUrl = `http://localhost:${pdsPort}`

async function main() {
  const plc = await TestPlc.create({ port: Number(plcPort) })
  const view = await TestBsky.create({
    port: Number(viewPort), plcUrl: plc.url, pdsPort: Number(pdsPort), repoProvider: `ws://localhost:${pdsPort}`, dbPostgresUrl,
  })
  const cfg = { service: { publicUrl: pdsUrl }, identity: { serviceHandleDomains: ['.test'] } }
  mockNetworkUtilities({ port: Number(pdsPort), url: pdsUrl, ctx: { cfg, idResolver: { did: {}, handle: {} } } }, view)
  console.log(`ready ${view.serverDid}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
