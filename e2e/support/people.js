/** Signing up and in as a person does it, on the page. */
import { password } from './api.js';
import { until } from './until.js';

export async function sign_up_in_page(visitor, handle, { birth_year = '1994' } = {}) {
  const { page } = visitor;
  await page.goto('/sign-in');
  await page.getByTestId('auth-sign-up').click();
  await page.getByTestId('handle').fill(handle);
  await page.getByTestId('password').fill(password);
  await page.getByTestId('birth-year').fill(birth_year);
  await page.getByTestId('auth-submit').click();
  await signed_in(visitor, handle);
}

export async function sign_in_in_page(visitor, handle, secret = password) {
  const { page } = visitor;
  await page.goto('/sign-in');
  await page.getByTestId('handle').fill(handle);
  await page.getByTestId('password').fill(secret);
  await page.getByTestId('auth-submit').click();
}

export function signed_in(visitor, handle) {
  return until(`to be signed in as ${handle}`, () =>
    visitor.page.evaluate(async (wanted) => (await (await fetch('/v1/session')).json()).account?.handle === wanted, handle),
  );
}
