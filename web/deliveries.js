// Deliveries: their columns in lists, and one delivery with the timeline of its attempts.
import {get, post} from './api.js'
import {ask, button, chip, duration, el, facts, link, notice, problemBox, sentence, short, time, words} from './dom.js'
import {endpointKnown, endpointName, loadNames} from './endpoints.js'
import {filterForm, list, lookup} from './list.js'

// "HTTP 500", "timeout: …"; the status is not said twice.
export function result(attempt) {
	const what = attempt.status ? `HTTP ${attempt.status}` : words(attempt.failure ?? 'no answer')
	const detail = (attempt.detail ?? '').replace(/^answered \d+\W*/, '')
	return detail ? `${what}: ${detail}` : what
}

// A type breaks after its dots alone, unless it is very long.
const dotted = type => type.length > 48 ? short(type, 48) : type.split(/(?<=\.)/).map((part, i) => i ? [el('wbr'), part] : part)

const state = delivery => [chip(delivery.state), delivery.reason && ' ' + words(delivery.reason)]

const columns = {
	endpoint: ['Endpoint', delivery => link('endpoints/' + delivery.endpoint, short(endpointName(delivery.endpoint), 48))],
	type: ['Type', delivery => [link('events/' + delivery.event, dotted(delivery.type ?? delivery.event)), delivery.event_erased_at && [' ', chip('erased')]], 'whole'],
	state: ['State', state],
	reason: ['Reason', delivery => words(delivery.reason)],
	attempts: ['Attempts', delivery => String(delivery.attempt_count), 'number'],
	when: ['When', delivery => delivery.ended_at ? ['ended ', time(delivery.ended_at)] : delivery.due_at ? ['due ', time(delivery.due_at)] : 'waits for its turn', 'when'],
	ended: ['Died', delivery => time(delivery.ended_at)],
	last: ['Last attempt', delivery => link('deliveries/' + delivery.id, delivery.last_attempt ? short(result(delivery.last_attempt)) : 'none yet')],
}
export const deliveryColumns = names => names.map(name => columns[name])

const states = ['pending', 'held', 'delivered', 'dead', 'cancelled']

export async function deliveries(filter) {
	await loadNames()
	return el('div', null,
		lookup('deliveries', 'By id', {placeholder: 'dlv_…', pattern: '\\s*dlv_\\w+\\s*', title: 'The id of a delivery: dlv_…'}),
		filterForm('deliveries', [
			['state', 'State', {options: states}],
			['endpoint', 'Endpoint', {placeholder: 'id or uid'}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['type', 'Type', {placeholder: 'order.*'}],
			['since', 'Made since', {placeholder: '-1h, or a time'}],
			['until', 'Made until', {placeholder: '-5m, or a time'}]], filter),
		await list('/v1/deliveries', filter, 'Deliveries, newest first', deliveryColumns(['type', 'endpoint', 'state', 'attempts', 'when', 'last']),
			Object.keys(filter).length ? 'No delivery fits.' : 'There are no deliveries yet: an event that is published makes one for each endpoint that it reaches.'))
}

function attemptItem(attempt, previous) {
	const good = attempt.status >= 200 && attempt.status < 300 && !attempt.failure
	return el('li', {class: good ? 'good' : 'bad'},
		previous && previous.round !== attempt.round && el('p', {class: 'faint'}, `Round ${attempt.round}: sent again by hand`),
		el('strong', null, `Attempt ${attempt.number}`), ' ', time(attempt.started_at), ', took ', duration(attempt.duration_ms),
		el('p', null, result(attempt)),
		attempt.response && el('details', null, el('summary', null, 'What the endpoint answered'), el('pre', {class: 'payload', tabindex: '0'}, attempt.response)))
}

// Why it ended, in a sentence.
const meanings = {
	exhausted: 'Every attempt that the retry policy allows has failed.',
	gone: 'The endpoint answered 410 Gone, which also disabled it.',
	expired: 'Its time ran out before an attempt succeeded.',
	endpoint_disabled: 'The endpoint was disabled while it waited.',
	endpoint_deleted: 'The endpoint was deleted while it waited.',
	corrupt: 'The stored payload could not be read back.',
	discarded: 'The dead letter was discarded by hand.',
	test_failed: 'A test is sent once.',
}

// What one that has not ended waits for, as the hub explains it; null when it cannot.
async function waiting(delivery) {
	if (!['pending', 'held'].includes(delivery.state))
		return null
	try {
		return (await get(`/v1/events/${delivery.event}/explain?endpoint=${delivery.endpoint}`)).waiting?.detail
	} catch {
		return null
	}
}

// What a retry does, by the state: said on the button, and asked about where it repeats or ends something.
const sendAgain = {
	pending: {text: 'Send now', done: 'The delivery is due now.'},
	dead: {text: 'Retry', done: 'The delivery is sent again.'},
	cancelled: {text: 'Send after all…', done: 'The delivery is sent.', title: 'Send this delivery after all?', ask: 'It was cancelled. The endpoint gets it with a fresh budget of attempts.'},
	delivered: {text: 'Send once more…', done: 'The delivery is sent again.', title: 'Send this delivery once more?', ask: 'The endpoint has it already: it gets it a second time, with the same webhook-id.'},
}

export async function delivery(_query, id, reload) {
	const [found] = await Promise.all([get('/v1/deliveries/' + encodeURIComponent(id)), loadNames()])
	const why = meanings[found.reason] ?? await waiting(found)
	const said = el('div')
	const failed = problem => said.replaceChildren(problemBox(problem))
	const act = async (what, done) => {
		await post(`/v1/deliveries/${found.id}/${what}`)
		notice(done)
		reload()
	}
	const target = endpointKnown(found.endpoint) ?? await get('/v1/endpoints/' + found.endpoint).catch(() => null)
	const again = target?.status === 'disabled' || found.event_erased_at ? null : sendAgain[found.state]
	const retry = async () => { if (!again.ask || await ask(again.title, again.ask, 'Send it')) await act('retry', again.done) }
	const cancel = async () => {
		if (await ask('Cancel this delivery?', 'This endpoint does not get the event, unless somebody sends it after all.', 'Cancel the delivery', true))
			await act('cancel', 'The delivery is cancelled.')
	}
	return Object.assign(el('div', null,
		el('p', {class: 'buttons'}, again && button(again.text, retry, failed),
			['pending', 'held'].includes(found.state) && button('Cancel the delivery…', cancel, failed, {class: 'danger'})), said,
		found.event_erased_at && el('p', {class: 'empty'}, chip('erased'), ' What its event said was erased at ', time(found.event_erased_at), '. It cannot be sent again.'),
		found.state === 'dead' && !found.event_erased_at && target?.status === 'disabled' && el('p', null, 'Its endpoint is disabled: ', link('endpoints/' + found.endpoint, 'resume it first'), ', then it can be retried.'),
		why && el('p', null, found.ended_at ? '' : 'Waits: ', sentence(why)),
		facts([
			['State', state(found)], ['Id', el('code', null, found.id)],
			['Event', link('events/' + found.event, found.type ?? found.event)], ['Endpoint', link('endpoints/' + found.endpoint, endpointName(found.endpoint))],
			['Subscriber', found.subscriber], ['Made', time(found.created_at)], ['Due', found.due_at && time(found.due_at)], ['Ended', found.ended_at && time(found.ended_at)],
			['Expires', found.expires_at && time(found.expires_at)], ['Ordering key', found.ordering_key], ['Round', String(found.round)]]),
		el('h2', null, 'Attempts'),
		found.attempts.length
			? el('ol', {class: 'timeline'}, found.attempts.map((attempt, i) => attemptItem(attempt, found.attempts[i - 1])))
			: el('p', {class: 'empty'}, 'None yet.')), {named: `of ${found.type ?? found.event} to ${endpointName(found.endpoint)}`})
}
