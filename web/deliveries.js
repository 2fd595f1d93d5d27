// Deliveries: their columns in lists, and one delivery with the timeline of its attempts.
import {get, post} from './api.js'
import {button, chip, duration, el, facts, link, notice, problemBox, time} from './dom.js'
import {endpointName, loadNames} from './endpoints.js'
import {filterForm, list} from './list.js'

function result(attempt) {
	if (!attempt)
		return '–'
	return [attempt.status ? `HTTP ${attempt.status}` : attempt.failure ?? 'no answer', attempt.detail].filter(Boolean).join(': ')
}

const columns = {
	endpoint: ['Endpoint', delivery => link('endpoints/' + delivery.endpoint, endpointName(delivery.endpoint))],
	type: ['Type', delivery => link('events/' + delivery.event, delivery.type ?? delivery.event)],
	state: ['State', delivery => [chip(delivery.state), delivery.reason && ' ' + delivery.reason]],
	reason: ['Reason', delivery => delivery.reason],
	attempts: ['Attempts', delivery => String(delivery.attempt_count)],
	when: ['When', delivery => delivery.ended_at ? ['ended ', time(delivery.ended_at)] : delivery.due_at ? ['due ', time(delivery.due_at)] : 'waits for its turn'],
	ended: ['Died', delivery => time(delivery.ended_at)],
	last: ['Last attempt', delivery => link('deliveries/' + delivery.id, result(delivery.last_attempt) === '–' ? 'none yet' : result(delivery.last_attempt))],
}
export const deliveryColumns = names => names.map(name => columns[name])

const states = ['pending', 'held', 'delivered', 'dead', 'cancelled']

export async function deliveries(filter) {
	const field = el('input', {name: 'id', placeholder: 'dlv_…', required: true, pattern: '\\s*dlv_\\w+\\s*', autocomplete: 'off', spellcheck: 'false'})
	await loadNames()
	return el('div', null,
		el('form', {class: 'filter', onsubmit: event => { event.preventDefault(); location.hash = '#/deliveries/' + field.value.trim() }},
			el('label', null, 'By id', field), el('button', {type: 'submit'}, 'Show')),
		filterForm('deliveries', [
			['state', 'State', {options: states}],
			['endpoint', 'Endpoint', {placeholder: 'id or uid'}],
			['type', 'Type', {placeholder: 'order.*'}],
			['since', 'Since', {placeholder: '-1h, or a time'}]], filter),
		await list('/v1/deliveries', filter, 'Deliveries, newest first', deliveryColumns(['type', 'endpoint', 'state', 'attempts', 'when', 'last']),
			Object.keys(filter).length ? 'No delivery fits.' : 'There are no deliveries yet.'))
}

function attemptItem(attempt, previous) {
	const good = attempt.status >= 200 && attempt.status < 300 && !attempt.failure
	return el('li', {class: good ? 'good' : 'bad'},
		previous && previous.round !== attempt.round && el('p', {class: 'faint'}, `Round ${attempt.round}: sent again by hand`),
		el('strong', null, `Attempt ${attempt.number}`), ' ', time(attempt.started_at), ', ', duration(attempt.duration_ms),
		el('p', null, result(attempt)),
		attempt.response && el('details', null, el('summary', null, 'What the endpoint answered'), el('pre', {class: 'payload', tabindex: '0'}, attempt.response)))
}

export async function delivery(_query, id, reload) {
	const [found] = await Promise.all([get('/v1/deliveries/' + encodeURIComponent(id)), loadNames()])
	const said = el('div')
	const act = (what, done) => button(what[0].toUpperCase() + what.slice(1), async () => {
		await post(`/v1/deliveries/${found.id}/${what}`)
		notice(done)
		reload()
	}, problem => said.replaceChildren(problemBox(problem)))
	const ended = ['delivered', 'dead', 'cancelled'].includes(found.state)
	return el('div', null,
		el('p', {class: 'buttons'}, found.state !== 'held' && act('retry', 'The delivery is sent again.'), !ended && act('cancel', 'The delivery is cancelled.')), said,
		facts([
			['State', [chip(found.state), found.reason && ' ' + found.reason]], ['Id', el('code', null, found.id)],
			['Event', link('events/' + found.event, found.type ?? found.event)], ['Endpoint', link('endpoints/' + found.endpoint, endpointName(found.endpoint))],
			['Subscriber', found.subscriber], ['Made', time(found.created_at)], ['Due', found.due_at && time(found.due_at)], ['Ended', found.ended_at && time(found.ended_at)],
			['Expires', found.expires_at && time(found.expires_at)], ['Ordering key', found.ordering_key], ['Round', String(found.round)]]),
		el('h2', null, 'Attempts'),
		found.attempts.length
			? el('ol', {class: 'timeline'}, found.attempts.map((attempt, i) => attemptItem(attempt, found.attempts[i - 1])))
			: el('p', {class: 'empty'}, 'None yet.'))
}
