const crypto = require('node:crypto')

const raw = Buffer.from('whpk_…'.replace(/^whpk_/, ''), 'base64')
const key = crypto.createPublicKey({key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki'})

function verify(headers, body) { // body: a Buffer of the exact bytes that came, before they are parsed
  const id = headers['webhook-id'] ?? '', timestamp = headers['webhook-timestamp'] ?? ''
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)
    return false
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
  return (headers['webhook-signature'] ?? '').split(' ').some(one =>
    one.startsWith('v1a,') && crypto.verify(null, signed, key, Buffer.from(one.slice(4), 'base64')))
}

// if (!verify(request.headers, body)) answer 401, and do nothing else
