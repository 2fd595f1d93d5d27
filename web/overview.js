// How the hub is: what was lost, what is stuck, why, and the button that mends it.
import {get, payload, post} from './api.js'
import {button, duration, el, link, notice, number, plural, problemBox, say, short, time, words} from './dom.js'
import {result} from './deliveries.js'
import {endpointKnown, endpointName, endpointsKnown, isLeftAlone, isUnverified, leftAlone, loadNames, name, status, triedNow, verification, waitsForRate} from './endpoints.js'
import {table} from './list.js'
import {ended, progress, repair} from './operations.js'
import {retention} from './retention.js'
import {pauseButton} from './pause.js'

const SAMPLE = 500, ROWS = 20, NOTICES = 5

const tile = (label, value, path) => el('a', {class: 'tile', href: '#/' + path}, el('strong', null, value), el('span', null, label))

function tiles(stats) {
	// A count that was not brought to its end says so.
	const unfinished = new Set(stats.lower_bounds)
	const count = (group, which) => number(stats[group][which], unfinished.has(`/${group}/${which}`))
	return el('div', {class: 'tiles'},
		tile('dead letters', count('deliveries', 'dead'), 'dead-letters'),
		tile('deliveries pending', count('deliveries', 'pending'), 'deliveries?state=pending'),
		tile('deliveries held', count('deliveries', 'held'), 'deliveries?state=held'),
		tile('events in the last hour', count('events', 'last_hour'), 'events?since=-1h'),
		tile('active endpoints', number(stats.endpoints.active), 'endpoints?status=active'))
}

function sentences(stats, unmatched) {
	const insecure = endpointsKnown().filter(endpoint => endpoint.insecure)
	const {dead, pending, due, oldest_pending_ms: oldest} = stats.deliveries
	const none = stats.endpoints.active + stats.endpoints.paused + stats.endpoints.disabled === 0
	return el('ul', {class: 'sentences'},
		none && el('li', null, 'There is no endpoint yet, so events reach nobody: ', link('endpoints/new', 'make the first one'), '.'),
		el('li', null, el('strong', null, 'Nothing is lost. '), dead ? 'What failed for good is kept as dead letters, until somebody retries or discards them.' : 'Nothing failed for good: there are no dead letters.'),
		el('li', null, pending
			? `Of what is pending, ${number(due)} ${due === 1 ? 'is' : 'are'} due now; the others wait for their time. The oldest was made ${duration(oldest)} ago.`
			: 'Nothing waits: all deliveries have ended.'),
		insecure.length > 0 && el('li', null, link(insecure.length === 1 ? 'endpoints/' + insecure[0].id : 'endpoints', plural(insecure.length, 'endpoint')), insecure.length === 1 ? ' is insecure.' : ' are insecure.'),
		unmatched.data.length > 0 && el('li', null,
			link('events?unmatched=true&since=-1h', plural(unmatched.data.length, 'event', 'events', unmatched.next_cursor)), ' of the last hour reached no endpoint.'))
}

const size = trouble => trouble.dead + trouble.pending + trouble.held

// One entry for each endpoint with something dead, failing or waiting, and for each that is not active or not verified, or is left alone because it fails.
function troubles(dead, pending, held, resting, now) {
	const found = new Map()
	const at = id => found.get(id) ?? found.set(id, {id, dead: 0, pending: 0, held: 0, endpoint: endpointKnown(id)}).get(id)
	for (const endpoint of [...resting, ...endpointsKnown().filter(endpoint => isLeftAlone(endpoint) || isUnverified(endpoint))])
		at(endpoint.id).endpoint = endpoint
	for (const row of dead.data) {
		const trouble = at(row.endpoint)
		trouble.dead++
		trouble.died ??= row
	}
	for (const row of [...pending.data, ...held.data]) {
		const trouble = at(row.endpoint)
		trouble[row.state]++
		if (row.last_attempt)
			trouble.failing ??= row
		// Late: due, and not even tried.
		else if (row.due_at && now - Date.parse(row.due_at) > 10000)
			trouble.late ??= row
	}
	return [...found.values()].filter(t => t.dead || t.failing || t.late || (t.endpoint && (t.endpoint.status !== 'active' || isUnverified(t.endpoint) || isLeftAlone(t.endpoint))))
		.sort((a, b) => size(b) - size(a))
}

function why({endpoint, died, failing, late, pending}, now) {
	const reasons = []
	if (endpoint && endpoint.status !== 'active')
		reasons.push([status(endpoint), ' since ', time(endpoint.status_since)])
	if (endpoint && isUnverified(endpoint))
		reasons.push(verification(endpoint))
	const alone = endpoint && isLeftAlone(endpoint)
	if (alone)
		reasons.push(leftAlone(endpoint))
	if (died)
		reasons.push(['last death: ', link('deliveries/' + died.id, died.last_attempt ? short(result(died.last_attempt)) : words(died.reason)),
			died.reason !== 'exhausted' && died.last_attempt && `, ${words(died.reason)}`])
	if (failing && !alone)
		reasons.push(['failing: ', link('deliveries/' + failing.id, short(result(failing.last_attempt))), Date.parse(failing.due_at) > now ? [', next attempt ', time(failing.due_at)] : ', an attempt is due'])
	if (late && endpoint?.status !== 'paused' && !alone && !(endpoint && isUnverified(endpoint)))
		reasons.push([link('deliveries/' + late.id, 'due'), ' since ', time(late.due_at), endpoint && waitsForRate(endpoint, pending) ? `: it ${waitsForRate(endpoint, pending)}` : ', and not tried yet: the endpoint is slow, or does not answer'])
	return reasons.map(reason => el('p', null, reason))
}

function mend(trouble, moreDead, said, reload) {
	const {id, endpoint, dead, died, pending, held} = trouble
	const active = !endpoint || endpoint.status === 'active', asked = endpoint && isUnverified(endpoint)
	const failed = problem => say(said, problemBox(problem))
	const alone = endpoint && isLeftAlone(endpoint)
	const resume = async () => {
		await post(`/v1/endpoints/${id}/resume`)
		notice(alone ? triedNow : 'The endpoint is active.')
		reload()
	}
	const verify = async () => {
		await post(`/v1/endpoints/${id}/verify`)
		notice('The endpoint is asked: look again in a moment.')
		reload()
	}
	const bulk = what => () => repair(what, {filter: {endpoint: id}}, said, reload)
	const named = {'aria-description': endpointName(id)}
	if (died?.reason === 'endpoint_deleted' && !endpoint)
		return button(`Discard ${number(dead, moreDead)}…`, bulk('discard'), failed, {class: 'danger', ...named})
	return [
		!active && button(endpoint.status === 'paused' && pending ? `Resume: ${number(pending)} wait` : 'Resume', resume, failed, named),
		alone && (pending + held > 0 ? button('Try now', resume, failed, named) : ['Nothing waits that could be tried: ', link('endpoints/' + id, 'test it')]),
		dead > 0 && endpoint?.status === 'disabled' && ' then retry what died',
		dead > 0 && endpoint?.status !== 'disabled' && button(`Retry ${number(dead, moreDead)}…`, bulk('retry'), failed, named),
		asked && button('Verify', verify, failed, named),
		active && !dead && !alone && !asked && ['It is tried again by itself. ', link('endpoints/' + id, 'Test it')]]
}

function troubleTable(found, samples, now, said, reload) {
	if (!found.length)
		return el('p', {class: 'empty'}, 'Nothing: every endpoint is active and takes what it gets.')
	const moreDead = Boolean(samples.dead.next_cursor)
	const count = (t, state, path) => t[state] ? link(`${path}endpoint=${t.id}`, number(t[state], samples[state].next_cursor)) : '–'
	return table('Endpoints that ask for attention', [
		['Endpoint', t => link('endpoints/' + t.id, short(t.endpoint ? name(t.endpoint) : endpointName(t.id), 48))],
		['Dead letters', t => count(t, 'dead', 'dead-letters?'), 'number'],
		['Pending', t => count(t, 'pending', 'deliveries?state=pending&'), 'number'],
		['Held', t => count(t, 'held', 'deliveries?state=held&'), 'number'],
		['Why', t => why(t, now)],
		['What mends it', t => el('span', {class: 'buttons'}, mend(t, moreDead, said, reload))]], found.slice(0, ROWS))
}

// Its own events, in words.
const told = {
	'grapnel.endpoint.disabled': ({reason}) => `was disabled: ${words(reason)}`,
	'grapnel.endpoint.recovered': ({was}) => `takes deliveries again, after it was ${was === 'disabled' ? 'disabled' : 'held to be down'}`,
	'grapnel.delivery.dead': ({count, reasons}) => `has ${plural(count, 'new dead letter')}: ${Object.keys(reasons).map(words).join(', ')}`,
	'grapnel.source.failing': ({rejections, reason}) => `refused ${number(rejections)} requests in a row: ${words(reason)}`,
	'grapnel.circuit.opened': ({detail}) => `is not sent anything for now: ${detail}`,
}

// The latest of each type, because tests and drills are events of the hub, too, and may be many.
async function notices() {
	const pages = await Promise.all(Object.keys(told).map(type => get(`/v1/events?type=${type}&limit=${NOTICES}`)))
	const latest = pages.flatMap(page => page.data).filter(event => !event.erased_at).sort((a, b) => Date.parse(b.time) - Date.parse(a.time)).slice(0, NOTICES)
	return Promise.all(latest.map(async event => ({event, data: JSON.parse(new TextDecoder().decode(await payload(event.id)))})))
}

const noticed = found => el('ul', null, found.map(({event, data}) => {
	const {endpoint, source} = data, {id, uid} = endpoint ?? source
	return el('li', null, time(event.time), ': ', link(`${endpoint ? 'endpoints' : 'sources'}/${id}`, short(uid ?? id, 48)), ' ', link('events/' + event.id, told[event.type](data)))
}))

export async function overview(_query, _parameter, reload) {
	const [stats, running, operations, paused, disabled, dead, pending, held, unmatched, seen, kept] = await Promise.all([
		get('/v1/stats'), get('/v1/operations?state=running'), get('/v1/operations?limit=5'), get('/v1/endpoints?status=paused'), get('/v1/endpoints?status=disabled'),
		get('/v1/dead-letters?limit=' + SAMPLE), get('/v1/deliveries?state=pending&order=asc&limit=' + SAMPLE), get('/v1/deliveries?state=held&order=asc&limit=' + SAMPLE),
		get('/v1/events?unmatched=true&since=-1h&limit=' + SAMPLE), notices(), retention(reload), loadNames()])
	const said = el('div', {'aria-live': 'polite'})
	const now = Date.parse(stats.at)
	const found = troubles(dead, pending, held, [...disabled.data, ...paused.data], now)
	const done = operations.data.filter(operation => operation.state !== 'running')
	const partial = dead.next_cursor || pending.next_cursor || held.next_cursor || disabled.next_cursor || paused.next_cursor || found.length > ROWS
	return el('div', null,
		el('p', {class: 'buttons faint'}, 'As of ', time(stats.at), button('Look again', reload, () => {}), !stats.paused && pauseButton(reload, problem => say(said, problemBox(problem)))),
		tiles(stats), sentences(stats, unmatched),
		el('h2', null, 'What is stuck'), said,
		troubleTable(found, {dead, pending, held}, now, said, reload),
		partial && el('p', {class: 'faint'}, `Only part is shown: the latest ${SAMPLE} dead letters and the oldest ${SAMPLE} that wait are looked at. All: `,
			link('dead-letters', 'dead letters'), ', ', link('deliveries?state=pending', 'pending'), ', ', link('deliveries?state=held', 'held'), ', ',
			link('endpoints?status=paused', 'paused'), ' and ', link('endpoints?status=disabled', 'disabled endpoints'), '.'),
		seen.length > 0 && [el('h2', null, 'What the hub noticed'), noticed(seen), el('p', null, link('events?type=grapnel.**', 'All'))],
		el('h2', null, 'Operations'),
		running.data.map(operation => progress(operation, reload)),
		done.length ? el('ul', null, done.map(ended)) : !running.data.length && el('p', {class: 'empty'}, 'No bulk work has been done yet.'),
		kept)
}
