import './tokens.css';
import './base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { i18n } from './i18n/i18n.svelte';
import { keep_shell } from './platform/offline';
import { router } from './state/router.svelte';
import { session } from './state/session.svelte';
import { theme } from './state/theme.svelte';

theme.start();
void session.ready();
// The page's code comes while the texts do.
void router.at.route?.page().catch(() => {});
await i18n.start();
router.start();

const target = document.getElementById('app');
if (target) mount(App, { target });
keep_shell();
