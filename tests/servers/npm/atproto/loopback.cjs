// These servers listen on every interface and cannot be told otherwise: here on this machine only. And their view wants an extension
// of PostgreSQL for its search by name that the embedded one does not have; nothing here searches.
const { Server } = require('node:net')
const { Client } = require('pg')

const { listen } = Server.prototype
Server.prototype.listen = function (port, ...others) {
  const options = typeof port === 'object' && port !== null ? port : { port: Number(port) || 0 }
  return listen.call(this, { ...options, host: '127.0.0.1' }, ...others.filter((one) => typeof one === 'function'))
}

const { query } = Client.prototype
Client.prototype.query = function (asked, ...others) {
  const words = String(asked?.text ?? asked)
  if (!/\bpg_trgm\b|_trgm_ops\b/.test(words) || words.startsWith('SET')) return query.call(this, asked, ...others)
  return query.call(this, 'select 1')
}
