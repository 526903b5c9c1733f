/** Passkeys through Chromium's own WebAuthn, with a virtual authenticator in place of a finger. */
import assert from 'node:assert/strict';
import { House } from '../support/house.js';
import { signed_in } from '../support/people.js';
import { until } from '../support/until.js';

const house = new House('passkeys', {});

/** A device with a screen lock that keeps discoverable keys and says yes. */
async function authenticator(visitor) {
  const session = await visitor.context.newCDPSession(visitor.page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    keys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    verifies: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  };
}

house.scene('a passkey is added on the settings page and signs in on the sign-in page', async () => {
  const person = await house.person('keyed_up');
  const visitor = await house.visitor({ as: person });
  const { page } = visitor;
  await page.goto('/');
  const device = await authenticator(visitor);
  await page.goto('/settings');
  await page.getByTestId('passkey-add').click();
  await until('the passkey to be listed', async () => (await person.get('/v1/passkeys')).items.length === 1);
  assert.equal((await device.keys()).length, 1);
  assert.equal((await device.keys())[0].rpId, 'localhost');
  assert.equal((await person.get('/v1/me')).passkey_count, 1);
  await visitor.screenshot('passkey-added');

  await page.evaluate(() => fetch('/v1/session', { method: 'DELETE' }));
  await page.goto('/sign-in');
  await page.getByTestId('passkey-sign-in').click();
  await signed_in(visitor, 'keyed_up');

  // Without the passkey on the server, the device's key opens nothing.
  // The sign-out ended the session that the test shared with the page: from here on the page asks.
  const [key] = await page.evaluate(async () => (await (await fetch('/v1/passkeys')).json()).items);
  assert.ok(key.last_used_ms > 0);
  await page.evaluate((id) => fetch(`/v1/passkeys/${id}`, { method: 'DELETE' }), key.id);
  await page.evaluate(() => fetch('/v1/session', { method: 'DELETE' }));
  visitor.expect_problem(/status of 401/);
  await page.goto('/sign-in');
  const refused = page.waitForResponse((r) => r.url().includes('/v1/passkeys/authentication/') && r.status() === 401);
  await page.getByTestId('passkey-sign-in').click();
  await refused;
  assert.equal(await page.evaluate(async () => (await (await fetch('/v1/session')).json()).signed_in), false);
});

house.scene('an answer counts once, for its own ceremony, with the person verified', async () => {
  const person = await house.person('keyed_twice');
  const visitor = await house.visitor({ as: person });
  const { page } = visitor;
  visitor.expect_problem(/status of 4\d\d/);
  await page.goto('/settings');
  await authenticator(visitor);
  const outcome = await page.evaluate(async () => {
    const post = async (path, body) => {
      const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) });
      return { status: response.status, json: await response.json().catch(() => null) };
    };
    const begun = (await post('/v1/passkeys/registration')).json;
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.public_key) });
    const first = await post(`/v1/passkeys/registration/${begun.ceremony}`, made.toJSON());
    const again = await post(`/v1/passkeys/registration/${begun.ceremony}`, made.toJSON());
    const asked = (await post('/v1/passkeys/authentication')).json;
    const other = (await post('/v1/passkeys/authentication')).json;
    const shown = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key) });
    const crossed = await post(`/v1/passkeys/authentication/${other.ceremony}`, shown.toJSON());
    const entered = await post(`/v1/passkeys/authentication/${asked.ceremony}`, shown.toJSON());
    const replayed = await post(`/v1/passkeys/authentication/${asked.ceremony}`, shown.toJSON());
    return { first, again, crossed, entered, replayed, verification: asked.public_key.userVerification, listed: asked.public_key.allowCredentials ?? [] };
  });
  assert.equal(outcome.first.status, 201, JSON.stringify(outcome.first));
  assert.ok(outcome.again.status >= 400 && outcome.again.status < 500, 'a registration counts once');
  assert.ok(outcome.crossed.status >= 400 && outcome.crossed.status < 500, 'an answer to another challenge is none');
  assert.equal(outcome.entered.status, 200, JSON.stringify(outcome.entered));
  assert.equal(outcome.entered.json.account.handle, 'keyed_twice');
  assert.ok(outcome.replayed.status >= 400 && outcome.replayed.status < 500, 'an answer counts once');
  assert.deepEqual(outcome.listed, [], 'asking does not tell which keys exist');
});
