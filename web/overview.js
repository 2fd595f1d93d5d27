// How the hub is: its numbers, and what asks for attention.
import {get} from './api.js'
import {el, link} from './dom.js'
import {name} from './endpoints.js'
import {progress} from './operations.js'

const tile = (label, value, path) => el('a', {class: 'tile', href: '#/' + path}, el('strong', null, String(value)), el('span', null, label))

// A count that was not brought to its end says so.
function tiles(stats) {
	const unfinished = new Set(stats.lower_bounds)
	const count = (group, which) => String(stats[group][which]) + (unfinished.has(`/${group}/${which}`) ? '+' : '')
	return el('div', {class: 'tiles'},
		tile('dead letters', count('deliveries', 'dead'), 'dead-letters'),
		tile('deliveries pending', count('deliveries', 'pending'), 'deliveries?state=pending'),
		tile('deliveries held', count('deliveries', 'held'), 'deliveries?state=held'),
		tile('events in the last hour', count('events', 'last_hour'), 'events?since=-1h'),
		tile('active endpoints', stats.endpoints.active, 'endpoints?status=active'),
		tile('operations running', stats.operations.running, ''))
}

export async function overview(_query, _parameter, reload) {
	const [stats, running, paused, disabled] = await Promise.all([
		get('/v1/stats'), get('/v1/operations?state=running'), get('/v1/endpoints?status=paused'), get('/v1/endpoints?status=disabled')])
	const resting = [...disabled.data, ...paused.data]
	const more = disabled.next_cursor || paused.next_cursor
	return el('div', null,
		tiles(stats),
		el('h2', null, 'Operations that run'),
		running.data.length ? running.data.map(operation => progress(operation, reload)) : el('p', {class: 'empty'}, 'None.'),
		el('h2', null, 'Endpoints that are not active'),
		resting.length
			? el('ul', null, resting.map(endpoint => el('li', null, link('endpoints/' + endpoint.id, name(endpoint)), ': ', endpoint.status,
				endpoint.status_reason && ` (${endpoint.status_reason})`)))
			: el('p', {class: 'empty'}, 'None: all are active.'),
		more && el('p', null, link('endpoints?status=disabled', 'All that are disabled'), ', ', link('endpoints?status=paused', 'all that are paused')))
}
