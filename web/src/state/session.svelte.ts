/** Who is here. `ready` resolves once the server has answered, so that nothing asks for a page before it has a viewer. */
import { api, ApiError } from '$/api/client';
import type { Account, Session } from '$/api/types';

class SessionStore {
  session = $state.raw<Session | null>(null);
  error = $state.raw<unknown>(null);
  /** What the sign-in prompt was opened for; `null` while it is closed. */
  prompt = $state<boolean>(false);
  #loading: Promise<void> | null = null;
  #before_change = new Set<() => Promise<void>>();

  constructor() {
    addEventListener('online', () => void this.ready());
  }

  /** Runs before another person comes or this one goes: what belongs to the one who is here is sent as theirs. */
  before_change(run: () => Promise<void>): void {
    this.#before_change.add(run);
  }

  async settle(): Promise<void> {
    await Promise.allSettled([...this.#before_change].map((run) => run()));
  }

  get account(): Account | null {
    return this.session?.account ?? null;
  }
  get signed_in(): boolean {
    return this.session?.signed_in ?? false;
  }
  get operator(): boolean {
    return this.account?.role === 'operator';
  }
  get handle(): string | null {
    return this.account?.handle ?? null;
  }

  /** Asks once; later callers share the answer. Fails never: `error` says what went wrong. */
  ready(): Promise<void> {
    this.#loading ??= this.reload();
    return this.#loading;
  }

  async reload(): Promise<void> {
    try {
      this.session = await api.session();
      this.error = null;
    } catch (error) {
      this.error = error;
      this.#loading = null;
    }
  }

  /** Takes over what sign-in, sign-up or a passkey answered; `settle` comes before asking. */
  enter(session: Session): void {
    this.session = session;
    this.error = null;
  }

  /** After an edit of the account. */
  set_account(account: Account): void {
    if (this.session) this.session = { ...this.session, account };
  }

  async sign_out(): Promise<void> {
    await this.settle();
    await api.sign_out();
    await this.reload();
  }

  /** True when signed in; otherwise opens the prompt and answers false. */
  require(): boolean {
    if (this.signed_in) return true;
    this.prompt = true;
    return false;
  }

  /** Opens the prompt when the server says that the session is gone. */
  noticed(error: unknown): boolean {
    if (error instanceof ApiError && error.status === 401) {
      this.prompt = true;
      return true;
    }
    return false;
  }
}

export const session = new SessionStore();
