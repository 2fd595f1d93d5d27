// The hub as the page sees it: JSON over its API, with the session's cookie and CSRF token.

let csrf = null
let admin = null

// An answer other than 2xx, or none at all.
export class Problem extends Error {
	constructor(status, body) {
		super(body.detail ?? body.title ?? `The hub answered ${status}`)
		this.status = status
		this.code = body.code
		this.title = body.title
		this.fields = body.errors ?? []
		this.requestId = body.request_id
	}
}

// Another tab may have logged in, which ends this tab's session and its token. Whether what was refused may be tried once more: not when it is
// somebody else now.
async function renewed() {
	const before = admin
	await session()
	if (!admin)
		return false
	dispatchEvent(new Event('renewed'))
	if (before && before.id === admin.id && before.name === admin.name)
		return true
	throw new Problem(403, {title: `${admin.name} is logged in now`, detail: 'Somebody logged in in another tab. Nothing was changed: look again, then repeat it.'})
}

async function ask(method, path, body, again = true) {
	const headers = {}
	if (body !== undefined)
		headers['Content-Type'] = 'application/json'
	if (method !== 'GET' && csrf)
		headers['X-Grapnel-CSRF'] = csrf
	let answer
	try {
		answer = await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store', redirect: 'error'})
	} catch {
		throw new Problem(0, {title: 'The hub does not answer', detail: 'It may be stopped, or the network is down.'})
	}
	if (answer.ok)
		return answer
	const problem = new Problem(answer.status, await answer.json().catch(() => ({})))
	if (problem.code === 'csrf_failed' && again && await renewed())
		return ask(method, path, body, false)
	if (problem.code === 'unauthenticated' || (problem.code === 'csrf_failed' && !admin))
		dispatchEvent(new Event('loggedout'))
	throw problem
}

export async function call(method, path, body) {
	const answer = await ask(method, path, body)
	return answer.status === 204 ? null : answer.json()
}

export const get = path => call('GET', path)
export const post = (path, body) => call('POST', path, body)

export async function payload(event) {
	const answer = await ask('GET', `/v1/events/${encodeURIComponent(event)}/payload`)
	return new Uint8Array(await answer.arrayBuffer())
}

function keep(session) {
	csrf = session.csrf_token
	admin = session.admin
	return admin
}

// The administrator who is logged in, or null.
export const session = async () => keep(await get('/session'))
export const login = async body => keep(await post('/login', body))

export async function logout() {
	await post('/logout')
	csrf = admin = null
}

// Who is logged in, as far as the page knows.
export const who = () => admin

// "?a=1&b=2" of what is not empty.
export function query(values) {
	const given = Object.entries(values).filter(([, value]) => value)
	return given.length ? '?' + new URLSearchParams(given) : ''
}
