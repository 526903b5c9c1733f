/** The browser's side of passkeys: from the server's JSON to the authenticator and back. */

export const passkeys_supported = typeof PublicKeyCredential === 'function' && 'credentials' in navigator;

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const base64 = base64url.replace(/-/g, '+').replace(/_/g, '/');
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function text(buffer: ArrayBuffer | null | undefined): string | undefined {
  if (!buffer) return undefined;
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

type Described = { id: string; type: 'public-key' };
const described = (list?: unknown) =>
  ((list ?? []) as Described[]).map((one) => ({ ...one, id: bytes(one.id) })) as PublicKeyCredentialDescriptor[];

function creation(json: PublicKeyCredentialCreationOptionsJSON): PublicKeyCredentialCreationOptions {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  const plain = json as unknown as PublicKeyCredentialCreationOptions;
  return {
    ...plain,
    challenge: bytes(json.challenge),
    user: { ...plain.user, id: bytes(json.user.id) },
    excludeCredentials: described(json.excludeCredentials),
  };
}

function question(json: PublicKeyCredentialRequestOptionsJSON): PublicKeyCredentialRequestOptions {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  const plain = json as unknown as PublicKeyCredentialRequestOptions;
  return { ...plain, challenge: bytes(json.challenge), allowCredentials: described(json.allowCredentials) };
}

function answer(credential: PublicKeyCredential): unknown {
  if (typeof credential.toJSON === 'function') return credential.toJSON();
  const made = credential.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(made.clientDataJSON),
      attestationObject: text(made.attestationObject),
      transports: made.getTransports?.(),
      authenticatorData: text(made.authenticatorData),
      signature: text(made.signature),
      userHandle: text(made.userHandle),
    },
  };
}

/** Makes a passkey; `null` when the person closed the browser's question. */
export async function make_passkey(options: PublicKeyCredentialCreationOptionsJSON): Promise<unknown> {
  return closed_is_null(async () => navigator.credentials.create({ publicKey: creation(options) }));
}

/** Asks for a passkey; `null` when the person closed the browser's question. */
export async function ask_passkey(options: PublicKeyCredentialRequestOptionsJSON): Promise<unknown> {
  return closed_is_null(async () => navigator.credentials.get({ publicKey: question(options) }));
}

async function closed_is_null(run: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const credential = await run();
    return credential ? answer(credential as PublicKeyCredential) : null;
  } catch (error) {
    if (error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'AbortError')) return null;
    throw error;
  }
}
