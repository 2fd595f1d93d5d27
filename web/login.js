// Logging in by name and password.
import {login} from './api.js'
import {el, problemBox} from './dom.js'

export function loginForm(entered) {
	const said = el('div')
	const submit = el('button', {type: 'submit', class: 'primary'}, 'Log in')
	const form = el('form', {class: 'login', onsubmit: async event => {
		event.preventDefault()
		submit.disabled = true
		said.replaceChildren()
		try {
			entered(await login(Object.fromEntries(new FormData(form))))
		} catch (problem) {
			said.replaceChildren(problemBox(problem))
			form.elements.password.select()
		} finally {
			submit.disabled = false
		}
	}},
	el('label', null, 'Name', el('input', {name: 'name', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true})),
	el('label', null, 'Password', el('input', {name: 'password', type: 'password', autocomplete: 'current-password', required: true})),
	submit, said,
	el('p', {class: 'faint'}, 'Administrators are made with ', el('code', null, 'grapnel admin create NAME'), '; ',
		el('code', null, 'grapnel admin link'), ' prints a link that logs in once.'))
	return form
}
