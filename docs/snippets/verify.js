const crypto = require('node:crypto')

function verify(headers, body) { // body: a Buffer of the exact bytes that came, before they are parsed
  const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64')
  const id = headers['webhook-id'] ?? '', timestamp = headers['webhook-timestamp'] ?? ''
  if (!key.length || !/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)
    return false
  const right = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
  return (headers['webhook-signature'] ?? '').split(' ').some(one => {
    const given = Buffer.from(one.replace(/^v1,/, ''), 'base64')
    return one.startsWith('v1,') && given.length === right.length && crypto.timingSafeEqual(given, right)
  })
}

// if (!verify(request.headers, body)) answer 401, and do nothing else
