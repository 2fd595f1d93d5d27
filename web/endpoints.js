// Endpoints: the list, one of them with its secret, and making one.
import {get, post} from './api.js'
import {ask, button, chip, duration, el, facts, link, notice, number, plural, problemBox, say, short, time, words} from './dom.js'
import {result} from './deliveries.js'
import {insecureWhy, shownDrill} from './drill.js'
import {filterForm, list} from './list.js'
import {countDead, progress, repair} from './operations.js'

const SOME = 5

export function name(endpoint) {
	return endpoint.uid || endpoint.description || endpoint.url
}

// Ids to names, for the lists that know only ids; the first 500 endpoints are enough of a help.
const known = new Map()
export async function loadNames() {
	const page = await get('/v1/endpoints?limit=500')
	known.clear()
	page.data.forEach(endpoint => known.set(endpoint.id, endpoint))
}
export const isUnverified = ({verification}) => verification.type !== 'none' && verification.state !== 'verified'
export const endpointKnown = id => known.get(id)
export const endpointsKnown = () => [...known.values()]
export const endpointName = id => known.has(id) ? name(known.get(id)) : id

const because = {gone: 'it answered 410 Gone', failing: 'it failed for too long'}
export const status = endpoint => [chip(endpoint.status), endpoint.status_reason && ' ' + (because[endpoint.status_reason] ?? words(endpoint.status_reason)), isLeftAlone(endpoint) && [' ', chip('failing')]]

// How many attempts it takes in how long: its own rate, or what it allowed when it was verified, whichever is less; null: any number.
function rateOf({rate, verification: {allowed_per_minute: allowed}}) {
	const asked = allowed ? {limit: allowed, per_ms: 60000} : null
	return rate && asked ? (asked.limit / asked.per_ms < rate.limit / rate.per_ms ? asked : rate) : rate ?? asked
}
const rateText = ({limit, per_ms: per}) => `${number(limit)} in ${duration(per)}`
// Why some of so many that are due wait: false when its rate lets them all go within a second.
export function waitsForRate(endpoint, due) {
	const rate = rateOf(endpoint)
	return rate && due * rate.per_ms >= 1000 * rate.limit && `waits for its rate, ${rateText(rate)}`
}

// Whether its breaker holds deliveries back; and what there is to say of it.
const isFailing = ({status, breaker}) => status !== 'disabled' && breaker?.wait_ms > 0 && breaker.state !== 'closed'
export const isLeftAlone = endpoint => endpoint.status === 'active' && isFailing(endpoint)
export const leftAlone = ({breaker: {state, since, next_probe_at: next, why}}) => ['left alone since ', time(since), ': ', why, state === 'open' ? ['. It is tried again ', time(next)] : '. The next attempt decides']
export const triedNow = 'One delivery tries at once; the others follow if it succeeds.'

const unsafe = {tls_unverified: 'its certificate is not verified', bad_signature_accepted: 'it accepts bad signatures', stale_accepted: 'it accepts stale requests'}
const insecure = ({insecure: why}) => why && [' ', el('span', {class: 'chip insecure', title: why.findings.map(({code}) => unsafe[code] ?? words(code)).join(', ')}, 'insecure')]

// How the hub shows itself, without what is secret.
const shows = {
	basic: auth => `HTTP Basic as ${auth.username}`,
	bearer: () => 'bearer token',
	api_key: auth => `key in ${auth.header}`,
	oauth2: auth => `OAuth 2 as ${auth.client_id}, token from ${auth.token_url}`,
}
const authentication = ({auth, tls}) => [auth && shows[auth.type]?.(auth), tls?.client_certificate && 'client certificate'].filter(Boolean).join('; ')
const trust = ({tls}) => tls && [!tls.verify && 'certificate not verified', tls.ca && 'authorities of its own', tls.min_version !== '1.2' && `at least ${tls.min_version}`].filter(Boolean).join('; ')

function someTypes({event_types: types}) {
	const some = types.slice(0, SOME).join(', ')
	return types.length <= SOME ? some : el('span', {title: types.join(', ')}, `${some}, and ${types.length - SOME} more`)
}

export async function endpoints(filter) {
	const columns = [
		['Name', endpoint => link('endpoints/' + endpoint.id, short(name(endpoint), 48))],
		['URL', endpoint => el('span', {class: 'url'}, short(endpoint.url))],
		['Types', someTypes],
		['Subscriber', endpoint => endpoint.subscriber ?? '–'],
		['Status', endpoint => [status(endpoint), insecure(endpoint), isUnverified(endpoint) && [' ', chip('unverified')]]],
	]
	return el('div', null,
		el('p', {class: 'buttons'}, el('a', {class: 'button primary', href: '#/endpoints/new'}, 'New endpoint')),
		filterForm('endpoints', [
			['status', 'Status', {options: ['active', 'paused', 'disabled']}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['q', 'Text', {placeholder: 'uid, URL, description'}]], filter),
		await list('/v1/endpoints', filter, 'Endpoints, newest first', columns, Object.keys(filter).length ? 'No endpoint fits.' : 'There are no endpoints: events reach nobody until you make one.'))
}

// Shown on demand only; leaving the page forgets it.
function secretPart(endpoint, failed) {
	const shown = el('div')
	const overlap = el('select', {'aria-label': 'How long the old secret goes on signing'},
		el('option', {value: '86400000'}, 'for 24 hours'), el('option', {value: '3600000'}, 'for an hour'), el('option', {value: '0'}, 'no longer'))

	async function reveal() {
		const {secret, previous} = await get(`/v1/endpoints/${endpoint.id}/secret`)
		shown.replaceChildren(el('p', null, el('code', {class: 'secret'}, secret)),
			...previous.map(old => el('p', {class: 'faint'}, 'signs too until ', time(old.until), ': ', el('code', {class: 'secret'}, old.secret))))
	}

	async function rotate() {
		if (!await ask('Rotate the secret?', 'Deliveries are signed with a new secret from now on: the receiver must learn it.', 'Rotate', true))
			return
		await post(`/v1/endpoints/${endpoint.id}/secret/rotate`, {overlap_ms: Number(overlap.value)})
		notice('The secret was rotated.')
		await reveal()
	}

	return el('section', null, el('h2', null, 'Secret'), shown,
		el('p', {class: 'buttons'}, button('Reveal', reveal, failed), button('Hide', () => shown.replaceChildren(), failed)),
		el('p', {class: 'buttons'}, button('Rotate…', rotate, failed), el('label', {class: 'inline'}, 'The old one signs ', overlap)))
}

// Null: nobody asks it to be verified.
export function verification({verification: {type, state, since, detail, allowed_per_minute: rate}}) {
	return type === 'none' ? null : [chip(state === 'verified' ? state : 'unverified'), state === 'failed' ? ` ${detail}, ` : ' ',
		`${type === 'challenge' ? 'challenge' : 'CloudEvents handshake'} ${state === 'pending' ? 'sent' : 'answered'} `, time(since), rate && `; ${number(rate)} requests a minute`]
}

function retryPolicy(retry) {
	return retry.schedule_ms
		? `${plural(retry.schedule_ms.length + 1, 'attempt')}, waiting ${retry.schedule_ms.map(duration).join(', ')}`
		: `${plural(retry.max_attempts, 'attempt')}, waiting ${duration(retry.base_ms)}, then ${retry.factor} times as long each, up to ${duration(retry.max_delay_ms)}`
}

function signature({versions, headers, legacy}) {
	const names = headers?.prefix ? [headers.prefix + '…'] : Object.values(headers ?? {})
	return [versions.join(', '), names.length > 0 && `, in ${names.join(', ')}`, legacy && `; ${legacy.style} style in ${legacy.header}, by ${legacy.own_secret ? 'a secret of its own' : 'the same secret'}`]
}

// How many of its deliveries wait, and of how many the time has come; the least there are, when they are very many.
async function countWaiting(id) {
	const pages = await Promise.all(['pending', 'held'].map(state => get(`/v1/deliveries?endpoint=${id}&state=${state}&limit=500`)))
	const failed = pages.flatMap(page => page.data).filter(row => row.last_attempt)
	const due = pages[0].data.filter(row => Date.parse(row.due_at) <= Date.now()).length
	return {count: pages.reduce((sum, page) => sum + page.data.length, 0), due, failed, more: pages.some(page => page.next_cursor)}
}

function shownTest(test) {
	return el('p', null, `The test ${test.state === 'delivered' ? 'was delivered' : 'failed'}: `, link('deliveries/' + test.delivery, result(test.attempt)),
		' after ', duration(test.attempt.duration_ms))
}

const resumed = {paused: 'The endpoint is active: what waited is sent.', disabled: 'The endpoint is active. What it missed can be sent to it below.'}

// Dead letters, and events that it never got because it was disabled or not made yet.
function recovery(endpoint, said, failed, reload) {
	const since = el('input', {required: true, value: '-1h', autocomplete: 'off', spellcheck: 'false'})
	const path = `/v1/endpoints/${endpoint.id}/recover`
	return el('form', {class: 'filter', onsubmit: async event => {
		event.preventDefault()
		said.replaceChildren()
		try {
			const which = {since: since.value.trim()}
			const {count, by_state: by, complete} = await post(path, {...which, dry_run: true})
			if (count === 0 && complete)
				say(said, el('p', null, 'It missed nothing since then.'))
			else if (await ask(`Send ${plural(count, 'event', 'events', !complete)} to this endpoint?`,
				`${number(by.dead ?? 0, !complete)} of them died, ${number(by.missing ?? 0, !complete)} never had a delivery to it.`, `Send ${number(count, !complete)}`))
				say(said, progress(await post(path, which), reload))
		} catch (problem) {
			failed(problem)
		}
	}}, el('label', null, 'What it missed since', since), el('button', {type: 'submit'}, 'Recover…'))
}

// What the view of an endpoint is made of.
async function load(id) {
	const found = await get('/v1/endpoints/' + encodeURIComponent(id))
	const [dead, waiting, died] = await Promise.all([countDead({endpoint: found.id}), countWaiting(found.id), get(`/v1/dead-letters?endpoint=${found.id}&limit=1`)])
	// Of one that fails: what failed last, be it over or not.
	const failed = [...waiting.failed, ...isLeftAlone(found) ? died.data.filter(row => row.last_attempt) : []]
		.sort((a, b) => Date.parse(b.last_attempt.started_at) - Date.parse(a.last_attempt.started_at))[0]
	return {found, dead, waiting, failed}
}

export async function endpoint(_query, id, reload) {
	let {found, dead, waiting, failed: latest} = await load(id)
	const said = el('div', {'aria-live': 'polite'})
	const failed = problem => say(said, problemBox(problem))
	const act = async (what, done) => {
		await post(`/v1/endpoints/${found.id}/${what}`)
		notice(done)
		reload()
	}
	const disable = async () => {
		const {count, more} = await countWaiting(found.id)
		const wait = count ? `${plural(count, 'delivery', 'deliveries', more)} that wait${count === 1 && !more ? 's' : ''} here become${count === 1 && !more ? 's a dead letter' : ' dead letters'}.` : 'No delivery waits here.'
		if (await ask('Disable this endpoint?', `It gets no more deliveries. ${wait}`, 'Disable', true))
			await act('disable', 'The endpoint is disabled.')
	}
	// A test closes a breaker, ends an endpoint that is gone, and a drill leaves marks: what is shown is asked for anew, but for what was said.
	const refresh = async () => {
		({found, dead, waiting, failed: latest} = await load(id))
		const focused = top.contains(document.activeElement) && document.activeElement.textContent
		top.replaceChildren(...shownTop())
		rest.replaceChildren(...shownFacts(), ...shownDeliveries())
		if (focused)
			([...top.querySelectorAll('button')].find(({textContent}) => textContent === focused) ?? top.querySelector('button'))?.focus({preventScroll: true})
	}
	const send = (wait, body, shown) => async () => {
		said.replaceChildren(el('p', {class: 'loading'}, wait))
		const answer = await post(`/v1/endpoints/${found.id}/test`, body)
		await refresh().catch(() => {})
		say(said, shown(answer))
	}
	const test = send(`Sending; the answer comes within ${duration(found.timeout_ms)}…`, undefined, shownTest)
	const drill = send('Sending up to four requests, one after the other…', {drill: true}, shownDrill)
	const shownTop = () => [
		isLeftAlone(found) && el('p', {class: 'stuck'}, 'This endpoint fails and is ', leftAlone(found), '.', waiting.count === 0 && ' Nothing waits that could be tried: a test event that it takes ends this.'),
		isUnverified(found) && el('p', {class: 'stuck'}, 'Nothing is sent to it until it is verified:', verification(found).slice(1), '.'),
		latest && el('p', null, 'The latest attempt that failed: ', link('deliveries/' + latest.id, result(latest.last_attempt)), ', ', time(latest.last_attempt.started_at)),
		el('p', {class: 'buttons'},
			isLeftAlone(found) && waiting.count > 0 && button('Try now', () => act('resume', triedNow), failed, {class: 'primary'}),
			found.status === 'active' && button('Pause', () => act('pause', 'The endpoint is paused: deliveries wait.'), failed),
			found.status !== 'active' && button('Resume', () => act('resume', isFailing(found) ? `The endpoint is active. ${triedNow}` : resumed[found.status]), failed),
			isUnverified(found) && button('Verify', () => act('verify', 'The endpoint is asked: look again in a moment.'), failed, {class: 'primary'}),
			found.status !== 'disabled' && !isUnverified(found) && button('Send a test event', test, failed, {class: isLeftAlone(found) && waiting.count === 0 && 'primary'}),
			found.status !== 'disabled' && !isUnverified(found) && button('Drill: does it verify?', drill, failed),
			found.status !== 'disabled' && button('Disable…', disable, failed, {class: 'danger'})), insecureWhy(found)].filter(Boolean)
	const shownFacts = () => [facts([
			['Status', [status(found), isUnverified(found) && [' ', chip('unverified')], ' since ', time(found.status_since), insecure(found)]],
			['Verification', verification(found)],
			['Last drill', found.drill && [found.drill.verdict, ', ', time(found.drill.at)]],
			['Id', el('code', null, found.id)], ['Uid', found.uid], ['URL', el('span', {class: 'url'}, found.url)], ['Types', found.event_types.join(', ')],
			['Description', found.description], ['Subscriber', found.subscriber], ['Ordered', found.ordered ? 'yes' : 'no'],
			['Concurrent attempts', String(found.max_in_flight)], ['Rate', found.rate && rateText(found.rate)], ['Breaker', found.breaker ? words(found.breaker.state) : 'none'], ['Timeout', duration(found.timeout_ms)], ['Retries', retryPolicy(found.retry)], ['Format', found.format], ['Signature', signature(found.signature)], ['Public key', found.public_key && el('code', null, found.public_key)], ['Method', found.method === 'POST' ? null : found.method], ['Content type', found.content_type], ['HTTP/2', found.http2 ? 'where it is offered' : null], ['Authentication', authentication(found)], ['TLS', trust(found)], ['Made', time(found.created_at)], ['Changed', time(found.updated_at)]])]
	const shownDeliveries = () => [
		el('h2', null, 'Deliveries'),
		el('ul', null,
			el('li', null, link('dead-letters?endpoint=' + found.id, plural(dead, 'dead letter'))),
			el('li', null, link('deliveries?state=pending&endpoint=' + found.id, plural(waiting.count, 'delivery', 'deliveries', waiting.more) + ' waiting'), waiting.due > 1 && waitsForRate(found, waiting.due) && `: it ${waitsForRate(found, waiting.due)}`),
			el('li', null, link('deliveries?endpoint=' + found.id, 'all its deliveries'))),
		dead > 0 && found.status !== 'disabled' && el('p', {class: 'buttons'}, button(dead === 1 ? 'Retry its dead letter…' : `Retry its ${number(dead)} dead letters…`,
			() => repair('retry', {filter: {endpoint: found.id}}, said, reload), failed)),
		found.status === 'disabled' ? el('p', null, 'Its dead letters can be retried once it is resumed.') : recovery(found, said, failed, reload)].filter(Boolean)
	const top = el('div', null, shownTop()), rest = el('div', null, shownFacts(), shownDeliveries())
	return Object.assign(el('div', null, top, said, rest, secretPart(found, failed)), {named: name(found)})
}

const fields = [
	['url', 'URL', {type: 'url', required: true, placeholder: 'https://example.com/hook'}],
	['event_types', 'Event types', {required: true, placeholder: 'order.created, invoice.*'}],
	['uid', 'Your own id', {placeholder: 'billing'}],
	['subscriber', 'Subscriber', {placeholder: 'id or uid; none: events without a subscriber'}],
	['description', 'Description', {}],
]

// What the form says as the API's document; empty fields are left out.
function documentOf(form) {
	const doc = {}
	for (const [field] of fields) {
		const value = form.elements[field].value.trim()
		if (value)
			doc[field] = field === 'event_types' ? value.split(/[\s,]+/).filter(Boolean) : value
	}
	if (form.elements.ordered.checked)
		doc.ordered = true
	return doc
}

export async function newEndpoint() {
	const said = el('div')
	const submit = el('button', {type: 'submit', class: 'primary'}, 'Make the endpoint')
	const form = el('form', {class: 'form', onsubmit: async event => {
		event.preventDefault()
		submit.disabled = true
		try {
			const made = await post('/v1/endpoints', documentOf(form))
			location.hash = '#/endpoints/' + made.id
			notice('The endpoint was made. Give its secret to the receiver: Reveal shows it.')
		} catch (problem) {
			said.replaceChildren(problemBox(problem))
			for (const [field] of fields)
				form.elements[field].setAttribute('aria-invalid', (problem.fields ?? []).some(bad => bad.pointer.split('/')[1] === field))
			form.querySelector('[aria-invalid=true]')?.focus()
		} finally {
			submit.disabled = false
		}
	}},
	fields.map(([field, label, attributes]) => el('label', null, label, el('input', {name: field, autocomplete: 'off', spellcheck: 'false', ...attributes}))),
	el('label', {class: 'inline'}, el('input', {type: 'checkbox', name: 'ordered'}), 'Ordered: one delivery after the other'),
	said, submit)
	return form
}
