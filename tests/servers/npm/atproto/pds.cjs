// The data server, which has the accounts, and asks the view what it does not know itself.
const { TestPds, mockNetworkUtilities } = require('@atproto/dev-env')

const [plcPort, viewPort, pdsPort, bskyAppViewDid, home, plcRotationKeyK256PrivateKeyHex, jwtSecret] = process.argv.slice(2)

async function main() {
  const pds = await TestPds.create({
    port: Number(pdsPort), didPlcUrl: `http://localhost:${plcPort}`, bskyAppViewUrl: `http://localhost:${viewPort}`, bskyAppViewDid,
    dataDirectory: `${home}/data`, blobstoreDiskLocation: `${home}/blobs`, blobstoreDiskTmpLocation: `${home}/uploads`,
    plcRotationKeyK256PrivateKeyHex, jwtSecret,
  })
  mockNetworkUtilities(pds)
  console.log('ready')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
