// Events: the list, and one event with its payload and deliveries.
import {get, payload, query} from './api.js'
import {el, facts, link, time} from './dom.js'
import {deliveryColumns} from './deliveries.js'
import {loadNames} from './endpoints.js'
import {filterForm, list} from './list.js'

const PREVIEW_BYTES = 32 * 1024

export async function events(filter) {
	const columns = [
		['Time', event => time(event.time)],
		['Type', event => link('events/' + event.id, event.type)],
		['Uid', event => event.uid ?? '–'],
		['Subject', event => event.subject ?? '–'],
		['Subscriber', event => event.subscriber ?? '–'],
		['Deliveries', event => String(event.deliveries)],
	]
	return el('div', null,
		filterForm('events', [
			['type', 'Type', {placeholder: 'order.* or order.**'}],
			['subscriber', 'Subscriber', {placeholder: 'id or uid'}],
			['since', 'Since', {placeholder: '-1h, or a time'}],
			['until', 'Until', {placeholder: '-5m, or a time'}]], filter),
		await list('/v1/events', filter, 'Events, newest first', columns, Object.keys(filter).length ? 'No event fits.' : 'No event has been published yet.'))
}

function preview(bytes, event) {
	const cut = bytes.length > PREVIEW_BYTES
	return el('div', null,
		el('pre', {class: 'payload', tabindex: '0', 'aria-label': 'Payload'}, new TextDecoder().decode(cut ? bytes.slice(0, PREVIEW_BYTES) : bytes)),
		el('p', {class: 'faint'}, cut && `The first ${PREVIEW_BYTES / 1024} KiB. `,
			el('a', {href: `/v1/events/${encodeURIComponent(event.id)}/payload`, download: event.id}, `Download (${bytes.length} bytes)`)))
}

export async function event(_query, id) {
	const path = '/v1/events/' + encodeURIComponent(id)
	const [found] = await Promise.all([get(path), loadNames()])
	const [bytes, deliveries] = await Promise.all([
		payload(found.id),
		list(`/v1/events/${found.id}/deliveries`, {}, 'Deliveries of this event', deliveryColumns(['endpoint', 'state', 'attempts', 'when', 'last']), 'It reached no endpoint.')])
	return el('div', null,
		facts([
			['Type', found.type], ['Id', el('code', null, found.id)], ['Uid', found.uid], ['Subject', found.subject], ['Subscriber', found.subscriber],
			['Time', time(found.time)], ['Content type', found.content_type], ['Ordering key', found.ordering_key],
			['Deliver at', found.deliver_at && time(found.deliver_at)], ['Expires at', found.expires_at && time(found.expires_at)],
			['Attributes', Object.keys(found.attributes).length ? facts(Object.entries(found.attributes)) : null]]),
		el('h2', null, 'Payload'), preview(bytes, found),
		el('h2', null, 'Deliveries'), deliveries,
		el('p', null, el('a', {href: '#/events' + query({type: found.type})}, 'Other events of this type')))
}
