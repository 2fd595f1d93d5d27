// How the hub is: what asks for attention, counted from the lists; and the hub's own numbers where it gives them.
import {get, post} from './api.js'
import {el, link} from './dom.js'
import {name} from './endpoints.js'
import {progress} from './operations.js'

const tile = (label, value, path) => el('a', {class: 'tile', href: '#/' + path}, el('strong', null, String(value)), el('span', null, label))

async function allEndpoints() {
	const rows = []
	for (let cursor = '', pages = 0; pages < 4; pages++) {
		const page = await get('/v1/endpoints?limit=500' + (cursor && `&cursor=${cursor}`))
		rows.push(...page.data)
		cursor = page.next_cursor
		if (!cursor)
			return {rows, more: ''}
	}
	return {rows, more: '+'}
}

// The hub's own numbers; null from a hub that does not give them.
async function hubStats() {
	try {
		return await get('/v1/stats')
	} catch (problem) {
		if (problem.code !== 'no_such_route')
			throw problem
		return null
	}
}

// A count that was not brought to its end says so.
function statTiles(stats) {
	const unfinished = new Set(stats.lower_bounds ?? [])
	const count = (group, name) => String(stats[group][name]) + (unfinished.has(`/${group}/${name}`) ? '+' : '')
	return [
		tile('events in the last hour', count('events', 'last_hour'), 'events?since=-1h'),
		tile('deliveries pending', count('deliveries', 'pending'), 'deliveries'),
		tile('deliveries held', count('deliveries', 'held'), 'deliveries')]
}

export async function overview(_query, _parameter, reload) {
	const [dead, {rows, more}, operations, stats] = await Promise.all([
		post('/v1/dead-letters/retry', {filter: {}, dry_run: true}), allEndpoints(), get('/v1/operations?limit=50'), hubStats()])
	const running = operations.data.filter(operation => operation.state === 'running')
	const resting = rows.filter(endpoint => endpoint.status !== 'active')
	return el('div', null,
		el('div', {class: 'tiles'},
			tile('dead letters', dead.count, 'dead-letters'),
			tile('endpoints', rows.length + more, 'endpoints'),
			tile('endpoints that are not active', resting.length + more, 'endpoints'),
			tile('operations running', running.length, ''),
			stats && statTiles(stats)),
		el('h2', null, 'Operations that run'),
		running.length ? running.map(operation => progress(operation, reload)) : el('p', {class: 'empty'}, 'None.'),
		el('h2', null, 'Endpoints that are not active'),
		resting.length
			? el('ul', null, resting.slice(0, 50).map(endpoint => el('li', null, link('endpoints/' + endpoint.id, name(endpoint)), ': ', endpoint.status,
				endpoint.status_reason && ` (${endpoint.status_reason})`)))
			: el('p', {class: 'empty'}, 'None: all are active.'))
}
