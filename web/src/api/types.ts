/**
 * The API's types, by name: those of `schema.d.ts`, which is made from `api/openapi.json` by `npm run api`. Where the document
 * says "a string" and the server means one of a few words, the words stand here.
 */
import type { components } from './schema';

type Schema = components['schemas'];
/** The server writes every field of an answer, null where there is nothing. */
type Whole<T> = T extends (infer Item)[] ? Whole<Item>[] : T extends object ? { [K in keyof T]-?: Whole<Exclude<T[K], undefined>> } : T;
type Schemas = { [Name in keyof Schema]: Whole<Schema[Name]> };
/** A schema with some of its fields told more closely. */
type Told<Schema, Fields> = Omit<Schema, keyof Fields> & Fields;

export type Id = string;

export type AgeBand = 'under_13' | '13_15' | '16_17' | '18_plus';
export type Language = 'en' | 'zh';

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export type InboxKind = 'like' | 'comment' | 'reply' | 'follow' | 'video_published' | 'video_refused' | 'duplicate';

export type ReportSubject = 'video' | 'comment' | 'person';
export type ReportReason = 'spam' | 'violence' | 'sexual' | 'hate' | 'minor_safety' | 'copyright' | 'misinformation' | 'other';

export type SearchKind = 'videos' | 'people' | 'hashtags' | 'sounds';

export type EventKind = 'impression' | 'watch' | 'click' | 'share';

/** What the app tells the server about viewing. Likes and the like go through their own endpoints. */
export interface ViewEvent {
  id: string;
  type: EventKind;
  at_ms: number;
  video: Id;
  slate?: string;
  position?: number;
  watch_ms?: number;
  duration_ms?: number;
  creator?: Id;
}


export type PersonRef = Schemas['PersonRef'];
export type Person = Schemas['Person'];
export type Counts = Schemas['Counts'];
export type Creator = Schemas['Creator'];
export type SoundRef = Schemas['VideoSound'];
export type Video = Schemas['Video'];
export type Refusal = Schemas['Refusal'];
export type UploadedVideo = Told<
  Schemas['UploadedVideo'],
  {
    status: 'processing' | 'published' | 'refused' | 'removed';
    step: 'queued' | 'probing' | 'first_rendition' | 'renditions' | 'evaluating' | 'done';
    refusal: Refusal | null;
    video: Video | null;
  }
>;
export type UploadStatus = Told<Schemas['UploadStatus'], { state: 'receiving' | 'probing' | 'ready' | 'refused'; refusal: Refusal | null }>;
export type Why = Schemas['Why'];
export type Explain = Schemas['Explain'];
export type FeedItem = Told<Schemas['FeedItem'], { explain: Explain | null }>;
export type FeedPage = Schemas['FeedPage'];
export type Comment = Schemas['Comment'];
export type AccountSettings = Schemas['AccountSettings'];
export type Account = Told<Schemas['Account'], { age_band: AgeBand; role: 'person' | 'operator'; language: Language | null }>;
export type Session = Told<Schemas['Session'], { account: Account | null }>;
export type SessionInfo = Schemas['SessionInfo'];
export type Passkey = Schemas['Passkey'];
export type HistoryEntry = Schemas['HistoryItem'];
export type Taste = Schemas['Taste'];
export type InboxEntry = Told<Schemas['InboxItem'], { kind: InboxKind }>;
export type Sound = Schemas['Sound'];
export type Hashtag = Schemas['Hashtag'];
export type Discover = Schemas['Discover'];
export type Suggestion = Told<Schemas['Suggestion'], { kind: 'hashtag' | 'person' | 'query'; handle?: string | null }>;
export type Insights = Schemas['Insights'];
export type EventsAck = Schemas['EventReceipt'];
export type Status = Schemas['Status'];
export type OpsCalibration = Schemas['TaskCalibration'];
export type OpsOverview = Schemas['Overview'];
export type OpsJob = Told<Schemas['OpsJob'], { state: 'queued' | 'running' | 'failed' | 'done' }>;
export type OpsReport = Told<Schemas['Report'], { subject: ReportSubject; reason: ReportReason }>;
/** RFC 9457 body of every refusal. */
export type Problem = Schemas['ProblemDetails'];
