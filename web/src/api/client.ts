/** The one client of the HTTP API. Every call of the app goes through `request`. */
import type * as T from './types';

/** A refusal by the server, or `offline` when no answer came. */
export class ApiError extends Error {
  readonly status: number;
  /** Stable, and the key of its message: `error.<code>`. */
  readonly code: string;
  readonly problem: T.Problem | null;
  readonly retry_after_s: number | null;

  constructor(status: number, code: string, message: string, problem: T.Problem | null = null, retry_after_s: number | null = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.problem = problem;
    this.retry_after_s = retry_after_s;
  }

  /** The message for one form field, if the server named it. */
  field(name: string): { code: string; message: string } | null {
    return this.problem?.errors?.find((e) => e.field === name) ?? null;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

interface Options {
  query?: Query;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  keepalive?: boolean;
}

function with_query(path: string, query?: Query): string {
  if (!query) return path;
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function refusal(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get('retry-after'));
  const retry_after_s = Number.isFinite(retry) && retry > 0 ? retry : null;
  try {
    const problem = (await response.json()) as T.Problem;
    return new ApiError(response.status, problem.code ?? 'unknown', problem.detail ?? problem.title, problem, retry_after_s);
  } catch {
    return new ApiError(response.status, 'unknown', response.statusText, null, retry_after_s);
  }
}

export async function request<R>(method: string, path: string, options: Options = {}): Promise<R> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  let body = options.body;
  if (options.json !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(options.json);
  }
  let response: Response;
  try {
    response = await fetch(with_query(path, options.query), {
      method,
      headers,
      body: body ?? null,
      signal: options.signal ?? null,
      keepalive: options.keepalive ?? false,
      credentials: 'same-origin',
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'offline', 'no answer from the server');
  }
  if (!response.ok) throw await refusal(response);
  if (response.status === 204 || response.headers.get('content-length') === '0') return undefined as R;
  return (await response.json()) as R;
}

const get = <R>(path: string, query?: Query, signal?: AbortSignal) => request<R>('GET', path, { query, signal });
const post = <R>(path: string, json?: unknown) => request<R>('POST', path, { json });
const put = <R>(path: string, json?: unknown) => request<R>('PUT', path, { json });
const patch = <R>(path: string, json?: unknown) => request<R>('PATCH', path, { json });
const del = <R = void>(path: string, json?: unknown) => request<R>('DELETE', path, { json });
/** PUT to set, DELETE to clear. */
const toggle = <R>(on: boolean, path: string) => request<R>(on ? 'PUT' : 'DELETE', path);
const seg = encodeURIComponent;

export interface Page {
  cursor?: string | null;
  limit?: number;
}

export const api = {
  status: () => get<T.Status>('/v1/status'),

  session: () => get<T.Session>('/v1/session'),
  sign_in: (handle: string, password: string) => post<T.Session>('/v1/session', { handle, password }),
  sign_out: () => del('/v1/session'),
  sign_up: (body: { handle: string; password: string; birth_year: number; display_name?: string; language?: T.Language }) =>
    post<T.Session>('/v1/accounts', body),
  sessions: () => get<{ items: T.SessionInfo[] }>('/v1/sessions'),
  end_session: (id: T.Id) => del(`/v1/sessions/${seg(id)}`),
  end_other_sessions: () => del('/v1/sessions'),

  passkeys: () => get<{ items: T.Passkey[] }>('/v1/passkeys'),
  delete_passkey: (id: T.Id) => del(`/v1/passkeys/${seg(id)}`),
  passkey_registration: () => post<{ ceremony: string; public_key: PublicKeyCredentialCreationOptionsJSON }>('/v1/passkeys/registration'),
  finish_passkey_registration: (ceremony: string, body: unknown) =>
    post<T.Passkey>(`/v1/passkeys/registration/${seg(ceremony)}`, body),
  passkey_authentication: () => post<{ ceremony: string; public_key: PublicKeyCredentialRequestOptionsJSON }>('/v1/passkeys/authentication'),
  finish_passkey_authentication: (ceremony: string, body: unknown) =>
    post<T.Session>(`/v1/passkeys/authentication/${seg(ceremony)}`, body),

  me: () => get<T.Account>('/v1/me'),
  update_me: (body: {
    handle?: string;
    display_name?: string;
    bio?: string;
    language?: T.Language | null;
    settings?: Partial<T.AccountSettings>;
  }) => patch<T.Account>('/v1/me', body),
  change_password: (current: string, next: string) => put<void>('/v1/me/password', { current, new: next }),
  set_avatar: (image: Blob) =>
    request<{ avatar_url: string }>('PUT', '/v1/me/avatar', { body: image, headers: { 'content-type': image.type } }),
  delete_avatar: () => del('/v1/me/avatar'),
  delete_me: (confirm: { password?: string; handle?: string }) => del('/v1/me', confirm),
  export_url: '/v1/me/export',
  my_uploads: (page: Page = {}) => get<T.List<T.UploadedVideo>>('/v1/me/uploads', { ...page }),
  my_liked: (page: Page = {}) => get<T.List<T.Video>>('/v1/me/liked', { ...page }),
  my_saved: (page: Page = {}) => get<T.List<T.Video>>('/v1/me/saved', { ...page }),
  history: (page: Page = {}) => get<T.List<T.HistoryEntry>>('/v1/me/history', { ...page }),
  forget_history: () => del('/v1/me/history'),
  /** `leaving`: the page closes, the call goes on. */
  forget_video: (video: T.Id, leaving = false) =>
    request<void>('DELETE', `/v1/me/history/${seg(video)}`, { keepalive: leaving }),
  taste: () => get<T.Taste>('/v1/me/taste'),
  set_taste: (body: { surprise?: number; learning_paused?: boolean }) => patch<T.Taste>('/v1/me/taste', body),
  inbox: (page: Page = {}) => get<T.List<T.InboxEntry>>('/v1/me/inbox', { ...page }),
  inbox_read: () => post<void>('/v1/me/inbox/read'),
  inbox_unread: () => get<{ count: number }>('/v1/me/inbox/unread'),
  blocked: (page: Page = {}) => get<T.List<T.PersonRef>>('/v1/me/blocked', { ...page }),

  person: (handle: string) => get<T.Person>(`/v1/people/${seg(handle)}`),
  person_videos: (handle: string, page: Page = {}) => get<T.List<T.Video>>(`/v1/people/${seg(handle)}/videos`, { ...page }),
  person_liked: (handle: string, page: Page = {}) => get<T.List<T.Video>>(`/v1/people/${seg(handle)}/liked`, { ...page }),
  followers: (handle: string, page: Page = {}) => get<T.List<T.PersonRef>>(`/v1/people/${seg(handle)}/followers`, { ...page }),
  following: (handle: string, page: Page = {}) => get<T.List<T.PersonRef>>(`/v1/people/${seg(handle)}/following`, { ...page }),
  follow: (handle: string, on: boolean) =>
    toggle<{ following: boolean; follower_count: number }>(on, `/v1/people/${seg(handle)}/follow`),
  block: (handle: string, on: boolean) => toggle<void>(on, `/v1/people/${seg(handle)}/block`),
  report: (body: { subject: T.ReportSubject; id: string; reason: T.ReportReason; note?: string }) =>
    post<{ id: T.Id }>('/v1/reports', body),

  video: (id: T.Id) => get<T.Video>(`/v1/videos/${seg(id)}`),
  publish: (body: { upload: string; caption: string; sound?: T.Id }) => post<T.UploadedVideo>('/v1/videos', body),
  uploaded_video: (id: T.Id) => get<T.UploadedVideo>(`/v1/videos/${seg(id)}/upload`),
  edit_video: (id: T.Id, caption: string) => patch<T.Video>(`/v1/videos/${seg(id)}`, { caption }),
  delete_video: (id: T.Id) => del(`/v1/videos/${seg(id)}`),
  like: (id: T.Id, on: boolean) => toggle<{ liked: boolean; likes: number }>(on, `/v1/videos/${seg(id)}/like`),
  save: (id: T.Id, on: boolean) => toggle<{ saved: boolean; saves: number }>(on, `/v1/videos/${seg(id)}/save`),
  not_interested: (id: T.Id, on: boolean) => toggle<void>(on, `/v1/videos/${seg(id)}/not-interested`),
  share: (id: T.Id) => post<{ url: string; shares: number }>(`/v1/videos/${seg(id)}/share`),
  insights: (id: T.Id) => get<T.Insights>(`/v1/videos/${seg(id)}/insights`),

  comments: (video: T.Id, page: Page = {}) => get<T.List<T.Comment>>(`/v1/videos/${seg(video)}/comments`, { ...page }),
  comment: (video: T.Id, text: string, parent?: T.Id) => post<T.Comment>(`/v1/videos/${seg(video)}/comments`, { text, parent }),
  replies: (comment: T.Id, page: Page = {}) => get<T.List<T.Comment>>(`/v1/comments/${seg(comment)}/replies`, { ...page }),
  delete_comment: (comment: T.Id) => del(`/v1/comments/${seg(comment)}`),
  like_comment: (comment: T.Id, on: boolean) =>
    toggle<{ liked: boolean; like_count: number }>(on, `/v1/comments/${seg(comment)}/like`),

  feed: (query: { tab: 'for_you' | 'following'; limit: number; explain?: boolean; exclude?: T.Id[] }) =>
    get<T.FeedPage>('/v1/feed', {
      tab: query.tab,
      limit: query.limit,
      explain: query.explain ? 1 : undefined,
      exclude: query.exclude?.join(','),
      utc_offset_minutes: -new Date().getTimezoneOffset(),
    }),
  events: (events: T.ViewEvent[], keepalive = false) =>
    request<T.EventsAck>('POST', '/v1/events', { json: { events }, keepalive }),

  search_videos: (q: string, page: Page = {}) => get<T.List<T.Video>>('/v1/search', { q, kind: 'videos', ...page }),
  search_people: (q: string, page: Page = {}) => get<T.List<T.Person>>('/v1/search', { q, kind: 'people', ...page }),
  search_hashtags: (q: string, page: Page = {}) => get<T.List<T.Hashtag>>('/v1/search', { q, kind: 'hashtags', ...page }),
  search_sounds: (q: string, page: Page = {}) => get<T.List<T.Sound>>('/v1/search', { q, kind: 'sounds', ...page }),
  suggest: (q: string, signal?: AbortSignal) => get<{ items: T.Suggestion[] }>('/v1/search/suggest', { q }, signal),
  discover: () => get<T.Discover>('/v1/discover'),
  hashtag: (tag: string) => get<T.Hashtag>(`/v1/hashtags/${seg(tag)}`),
  hashtag_videos: (tag: string, page: Page = {}) => get<T.List<T.Video>>(`/v1/hashtags/${seg(tag)}/videos`, { ...page }),
  sound: (id: T.Id) => get<T.Sound>(`/v1/sounds/${seg(id)}`),
  sound_videos: (id: T.Id, page: Page = {}) => get<T.List<T.Video>>(`/v1/sounds/${seg(id)}/videos`, { ...page }),

  upload_status: (upload: string) => get<T.UploadStatus>(`/v1/uploads/${seg(upload)}/status`),
  uploads_url: '/v1/uploads',
  stream_url: '/v1/stream',

  ops_overview: () => get<T.OpsOverview>('/v1/ops/overview'),
  ops_jobs: (page: Page = {}) => get<T.List<T.OpsJob>>('/v1/ops/jobs', { ...page }),
  ops_retry: (job: T.Id) => post<void>(`/v1/ops/jobs/${seg(job)}/retry`),
  ops_reports: (page: Page = {}) => get<T.List<T.OpsReport>>('/v1/ops/reports', { ...page }),
};
