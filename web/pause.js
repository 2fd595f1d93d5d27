// The pause of the whole hub: a banner above every view while it lasts, with what it means and the button that ends it.
import {get, post} from './api.js'
import {ask, button, el, link, notice, problemBox, time} from './dom.js'

const place = document.getElementById('paused')

const meaning = hub => hub.reason === 'restore'
	? [el('strong', null, 'This hub was put back from a backup, and sends nothing yet. '), 'The backup ends at ', time(hub.backup_at),
		'. What was delivered after that is pending here and would be sent again. Make sure that the old hub does not run any more, look at what is ',
		link('deliveries?state=pending', 'pending'), ', then resume.']
	: [el('strong', null, 'Deliveries are paused. '), 'Since ', time(hub.since), ' events are taken in and nothing is sent: deliveries wait, and those that expire end.']

function show(hub, reload) {
	const failed = problem => place.append(problemBox(problem))
	const resume = async () => {
		if (hub.reason === 'restore' && !await ask('Send what is pending?', 'Everything that is due is sent at once, also what was delivered after the backup was made. Receivers that look at webhook-id can tell it is a repetition.', 'Resume deliveries'))
			return
		show(await post('/v1/hub/resume'), reload)
		notice('Deliveries are sent again.')
		reload()
	}
	place.hidden = !hub.paused
	place.replaceChildren(...hub.paused ? [el('p', null, meaning(hub)), button('Resume deliveries', resume, failed)] : [])
}

// Looks how the hub is. What fails here is told by the view, which asks the same hub.
export const lookForPause = reload => get('/v1/hub').then(hub => show(hub, reload), () => {})

export const hidePause = () => show({paused: false})

export const pauseButton = (reload, failed) => button('Pause deliveries', async () => {
	if (!await ask('Pause all deliveries?', 'Events are taken in and wait; nothing is sent to anybody until somebody resumes, also after a restart.', 'Pause deliveries', true))
		return
	show(await post('/v1/hub/pause'), reload)
	reload()
}, failed)
