// Events: the list, and one event with its payload and deliveries.
import {call, get, payload, post, query} from './api.js'
import {ask, button, chip, el, facts, link, notice, number, plural, problemBox, sentence, short, time} from './dom.js'
import {deliveryColumns} from './deliveries.js'
import {loadNames} from './endpoints.js'
import {filterForm, list, lookup} from './list.js'

const PREVIEW_BYTES = 32 * 1024

export async function events(filter) {
	const columns = [
		['Time', event => time(event.time)],
		['Type', event => link('events/' + event.id, short(event.type, 48))],
		['Uid', event => short(event.uid, 40) ?? '–'],
		['Subject', event => event.erased_at ? chip('erased') : short(event.subject) ?? '–'],
		['Subscriber', event => event.subscriber ?? '–'],
		['Deliveries', event => number(event.deliveries), 'number'],
	]
	return el('div', null,
		lookup('events', 'By id', {placeholder: 'evt_… or uid'}),
		filterForm('events', [
			['type', 'Type', {placeholder: 'order.* or order.**'}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['source', 'Source', {placeholder: 'id or uid'}],
			['since', 'Since', {placeholder: '-1h, or a time'}],
			['until', 'Until', {placeholder: '-5m, or a time'}],
			['q', 'Text', {placeholder: 'type, subject, uid'}],
			['unmatched', 'Reached', {options: [['true', 'no endpoint'], ['false', 'one or more']]}]], filter),
		await list('/v1/events', filter, 'Events, newest first', columns, Object.keys(filter).length ? 'No event fits.' : 'No event has been published yet: POST /v1/events publishes one.'))
}

// The bytes as text; null when they are none.
function textOf(bytes, cut) {
	try {
		const text = new TextDecoder('utf-8', {fatal: true}).decode(cut ? bytes.slice(0, PREVIEW_BYTES) : bytes, {stream: cut})
		return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text
	} catch {
		return null
	}
}

function preview(bytes, event) {
	const cut = bytes.length > PREVIEW_BYTES
	const text = textOf(bytes, cut)
	if (bytes.length === 0)
		return el('p', {class: 'empty'}, 'It has no payload.')
	return el('div', null,
		text === null ? el('p', null, 'The payload is no text. ') : el('pre', {class: 'payload', tabindex: '0', 'aria-label': 'Payload'}, text),
		el('p', {class: 'faint'}, cut && text !== null && `The first ${PREVIEW_BYTES / 1024} KiB. `,
			el('a', {href: `/v1/events/${encodeURIComponent(event.id)}/payload`, download: event.id}, `Download (${plural(bytes.length, 'byte')})`)))
}

const marks = {true: '✓ yes', false: '✗ no', null: '? not known any more'}

// Asks the hub why the event reached an endpoint, or why not.
function explainer(event) {
	const field = el('input', {name: 'endpoint', required: true, placeholder: 'id or uid', autocomplete: 'off', spellcheck: 'false'})
	const said = el('div', {'aria-live': 'polite'})
	return el('div', null,
		el('form', {class: 'filter', onsubmit: async submitted => {
			submitted.preventDefault()
			try {
				const {matched, steps} = await get(`/v1/events/${event.id}/explain` + query({endpoint: field.value.trim()}))
				said.replaceChildren(el('p', null, el('strong', null, matched ? 'It has a delivery to this endpoint.' : 'It has no delivery to this endpoint.')),
					el('ul', null, steps.map(step => el('li', null, marks[step.passed], ': ', sentence(step.detail)))))
			} catch (problem) {
				said.replaceChildren(problemBox(problem))
			}
		}}, el('label', null, 'Endpoint', field), el('button', {type: 'submit'}, 'Why, or why not?')), said)
}

// One delivery for each endpoint that has one or matches now.
function resend(event, said, reload) {
	return async () => {
		const text = `It goes to ${event.deliveries ? `the ${plural(event.deliveries, 'endpoint')} that it reached, and to others that match it now` : 'the endpoints that match it now'}. Who has it already gets it again, with the same webhook-id.`
		if (!await ask('Send this event again?', text, 'Send it'))
			return
		const {data} = await post(`/v1/events/${event.id}/resend`)
		said.replaceChildren(el('p', null, data.length ? `Sent to ${plural(data.length, 'endpoint')}.` : 'No endpoint matches it: make one first, or change the types of one.'))
		if (data.length)
			reload()
	}
}

// For good: what has not ended is to be ended first, or is cancelled along.
function erase(event, said, reload) {
	return async () => {
		const text = 'Its payload, attributes and subject, and what endpoints answered to it, are overwritten for good. Deliveries that have not ended are cancelled. That it was, and what became of it, stays to be seen.'
		if (!await ask('Erase this event?', text, 'Erase it', true))
			return
		// It cancels some of very many at a time.
		while ((await call('DELETE', `/v1/events/${event.id}/payload?cancel=true`)).left > 0);
		notice('The event was erased.')
		reload()
	}
}

export async function event(_query, id, reload) {
	const path = '/v1/events/' + encodeURIComponent(id)
	const [found] = await Promise.all([get(path), loadNames()])
	const [bytes, deliveries] = await Promise.all([
		found.erased_at ? null : payload(found.id),
		list(`/v1/events/${found.id}/deliveries`, {}, 'Deliveries of this event', deliveryColumns(['endpoint', 'state', 'attempts', 'when', 'last']),
			'It reached no endpoint. Below, the hub says why one did not get it.')])
	const said = el('div', {'aria-live': 'polite'})
	const failed = problem => said.replaceChildren(problemBox(problem))
	return el('div', null,
		el('p', {class: 'buttons'}, found.erased_at ? null : button('Send again…', resend(found, said, reload), failed),
			found.erased_at ? null : button('Erase…', erase(found, said, reload), failed, {class: 'danger'})), said,
		found.erased_at && el('p', {class: 'empty'}, chip('erased'), ' What this event said, and what endpoints answered to it, was erased at ', time(found.erased_at), '. It cannot be sent again.'),
		facts([
			['Type', found.type], ['Id', el('code', null, found.id)], ['Uid', found.uid], ['Subject', found.subject], ['Subscriber', found.subscriber],
			['Time', time(found.time)], ['Content type', found.content_type], ['Ordering key', found.ordering_key],
			['Deliver at', found.deliver_at && time(found.deliver_at)], ['Expires at', found.expires_at && time(found.expires_at)], ['Request', found.request_id && el('code', null, found.request_id)]]),
		Object.keys(found.attributes).length > 0 && [el('h2', null, 'Attributes'), facts(Object.entries(found.attributes))],
		found.cloudevent && [el('h2', null, 'CloudEvent'), facts(Object.entries(found.cloudevent).map(([name, value]) => [name, String(value)]))],
		!found.erased_at && [el('h2', null, 'Payload'), preview(bytes, found)],
		el('h2', null, 'Deliveries'), deliveries,
		el('h2', null, 'Why did it reach an endpoint, or not?'), explainer(found),
		el('p', null, el('a', {href: '#/events' + query({type: found.type})}, 'Other events of this type')))
}
