// The page: who is logged in, which view the address asks for, and what is shown while it loads or when it fails.
import * as api from './api.js'
import {deadLetters} from './dead_letters.js'
import {deliveries, delivery} from './deliveries.js'
import {button, dismiss, el, notice, problemBox, short} from './dom.js'
import {endpoint, endpoints, newEndpoint} from './endpoints.js'
import {event, events} from './events.js'
import {loginForm} from './login.js'
import {overview} from './overview.js'
import {hidePause, lookForPause} from './pause.js'
import {newSource, rejection, rejections, source, sources} from './sources.js'

// Path, title, view(query, parameter) → what main holds; a parameter is the segment at the star.
const routes = [
	['', 'Overview', overview],
	['events', 'Events', events],
	['events/*', 'Event', event],
	['deliveries', 'Deliveries', deliveries],
	['deliveries/*', 'Delivery', delivery],
	['dead-letters', 'Dead letters', deadLetters],
	['endpoints', 'Endpoints', endpoints],
	['endpoints/new', 'New endpoint', newEndpoint],
	['endpoints/*', 'Endpoint', endpoint],
	['sources', 'Sources', sources],
	['sources/new', 'New source', newSource],
	['sources/*', 'Source', source],
	['rejections', 'Refused requests', rejections],
	['rejections/*', 'Refused request', rejection],
]

const main = document.getElementById('main')
let shown = 0
let inside = false

// A view of one thing says its name: node.named.
function show(title, ...nodes) {
	const named = nodes[0]?.named
	document.title = `${named ? `${title} ${named}` : title} – grapnel`
	main.replaceChildren(el('h1', {tabindex: '-1'}, title, named && [' ', short(named, 60)]), ...nodes.filter(Boolean))
}

function find(path) {
	const segments = path.split('/')
	return routes.find(([pattern]) => {
		const parts = pattern.split('/')
		return parts.length === segments.length && parts.every((part, i) => part === segments[i] || (part === '*' && segments[i]))
	})
}

const focus = () => main.querySelector('h1').focus({preventScroll: true})

// Where the reader was on this entry of the history; and the focus, unless he moved it on meanwhile.
function arrive(title, ...nodes) {
	const waited = main.contains(document.activeElement)
	show(title, ...nodes)
	if (waited)
		focus()
	scrollTo(0, history.state?.y ?? 0)
}

const keepPlace = () => inside && history.replaceState({...history.state, y: scrollY}, '')

// An answer that comes after the user went on is dropped.
async function navigate() {
	const turn = ++shown
	const [path, search] = location.hash.replace(/^#\/?/, '').split('?')
	const found = find(path)
	for (const anchor of document.querySelectorAll('nav a')) {
		const current = anchor.hash.slice(2) === path.split('/')[0]
		current ? anchor.setAttribute('aria-current', 'page') : anchor.removeAttribute('aria-current')
	}
	if (!found) {
		show('Not found', el('p', null, 'There is no such page. ', el('a', {href: '#/'}, 'To the overview')))
		return
	}
	const [, title, view] = found
	dismiss()
	lookForPause(navigate)
	show(title, el('p', {class: 'loading', 'aria-busy': 'true'}, 'Loading…'))
	focus()
	try {
		const node = await view(Object.fromEntries(new URLSearchParams(search)), decodeURIComponent(path.split('/')[1] ?? ''), navigate)
		if (turn === shown)
			arrive(title, node)
	} catch (problem) {
		if (turn === shown)
			arrive(title, problemBox(problem), button('Try again', navigate, () => {}))
	}
}

const showName = () => { document.getElementById('who').textContent = api.who().name }

function enter() {
	inside = true
	document.getElementById('top').hidden = false
	showName()
	addEventListener('hashchange', navigate)
	navigate()
}

function leave(problem) {
	shown++
	inside = false
	dismiss()
	hidePause()
	removeEventListener('hashchange', navigate)
	document.getElementById('top').hidden = true
	show('Log in', problem && problemBox(problem), loginForm(enter))
	main.querySelector('input').focus()
}

document.getElementById('skip').addEventListener('click', () => main.focus())
document.getElementById('logout').addEventListener('click', async () => {
	try {
		await api.logout()
		leave()
	} catch (problem) {
		notice(problem.message)
	}
})
history.scrollRestoration = 'manual'
addEventListener('click', event => event.target.closest('a') && keepPlace(), true)
addEventListener('pagehide', keepPlace)
addEventListener('pageshow', event => event.persisted && inside && navigate())
addEventListener('renewed', showName)
addEventListener('loggedout', () => inside && leave(Object.assign(new Error('Log in to go on.'), {title: 'The session has ended'})))

// A one-time link: its token leaves the address bar and the history before anything else happens.
async function begin() {
	const token = new URLSearchParams(location.search).get('token')
	if (location.pathname !== '/' || location.search)
		history.replaceState(null, '', '/' + location.hash)
	try {
		const admin = token ? await api.login({token}) : await api.session()
		admin ? enter() : leave()
	} catch (problem) {
		leave(problem)
	}
}

begin()
