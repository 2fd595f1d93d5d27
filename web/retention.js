// What is kept how long, and what retention did.
import {get, post} from './api.js'
import {button, bytes, duration, el, facts, notice, plural, problemBox, time} from './dom.js'

const kept = (age, forever = 'for ever') => age === null ? forever : duration(age)

const names = {events: 'event', deliveries: 'delivery', attempts: 'attempt', rejections: 'refused request', audit: 'audit row', operations: 'operation', endpoints: 'deleted endpoint'}
const many = {deliveries: 'deliveries'}

function deleted(counts) {
	const said = Object.entries(counts).filter(([, count]) => count > 0).map(([what, count]) => plural(count, names[what], many[what]))
	return said.length ? said.join(', ') : 'nothing was old enough'
}

function state(retention, reload) {
	const said = el('div', {'aria-live': 'polite'})
	const confirm = async () => {
		await post('/v1/retention/confirm')
		notice('Retention goes on.')
		reload()
	}
	if (retention.state === 'stopped')
		return el('div', null,
			el('div', {class: 'problem', role: 'alert'}, el('strong', null, 'Retention has stopped'), el('p', null, `The wall clock jumped by ${duration(Math.abs(retention.clock_jump_ms))}. Nothing is deleted until it is back.`),
				el('p', {class: 'buttons'}, button('The clock is right: go on', confirm, problem => said.replaceChildren(problemBox(problem))))), said)
	return retention.why && el('p', null, el('strong', null, retention.database.over ? 'The bound of the database’s size cannot be kept. ' : ''), retention.why[0].toUpperCase() + retention.why.slice(1) + '.')
}

// A part of the overview.
export async function retention(reload) {
	const found = await get('/v1/retention')
	const {settings, database, last_run: last} = found
	return el('section', {'aria-labelledby': 'retention'},
		el('h2', {id: 'retention'}, 'What is kept'), state(found, reload),
		facts([
			['Events that have ended', kept(settings.events_ms)], ['Attempts', kept(settings.attempts_ms, 'as long as their delivery')],
			['Dead letters', kept(settings.dead_letters_ms, 'until retried or discarded')], ['Refused requests', kept(settings.rejections_ms, 'as long as there is room')],
			['Audit', kept(settings.audit_ms)], ['Size at most', settings.size_bytes === null ? 'no bound' : bytes(settings.size_bytes)],
			['Oldest event', found.oldest_event && time(found.oldest_event)],
			['Last run', last.ended_at ? [time(last.ended_at), ': ', deleted(last.deleted)] : 'none yet'],
			['Since the start', deleted(found.deleted_since_start)],
			['Database', `${bytes(database.bytes)}, ${bytes(database.used_bytes)} of it in use`],
			['Given back to the disk', database.gives_back ? bytes(database.given_back_bytes) : 'not possible for this database: see the documentation on retention'],
			['Erased bytes', database.scrubbing ? 'are being removed from the files' : 'are out of the files']]))
}
