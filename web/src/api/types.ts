/** The API's types, by name. One place: everything else imports from here, whatever they are made from. */

export type Id = string;

export interface PersonRef {
  id: Id;
  handle: string;
  display_name: string;
  avatar_url: string | null;
  color: string;
}

export interface Person extends PersonRef {
  bio: string;
  follower_count: number;
  following_count: number;
  like_count: number;
  video_count: number;
  mine: { following: boolean; blocked: boolean; is_me: boolean };
}

export interface Counts {
  views: number;
  likes: number;
  comments: number;
  saves: number;
  shares: number;
}

export interface Creator extends PersonRef {
  following: boolean;
}

export interface SoundRef {
  id: Id;
  title: string;
  /** `null` when its maker left. */
  creator_handle: string | null;
}

export interface Video {
  id: Id;
  caption: string;
  hashtags: string[];
  creator: Creator;
  sound: SoundRef | null;
  duration_ms: number;
  width: number;
  height: number;
  /** Average colour of the poster, `#rrggbb`. */
  color: string;
  poster_url: string;
  preview_url: string | null;
  playlist_url: string;
  counts: Counts;
  mine: { liked: boolean; saved: boolean; own: boolean };
  created_at_ms: number;
  duplicate_of: Id | null;
  kind?: string | null;
}

export interface Refusal {
  code: string;
  message: string;
}

export interface UploadedVideo {
  id: Id;
  caption: string;
  status: 'processing' | 'published' | 'refused' | 'removed';
  step: 'queued' | 'probing' | 'first_rendition' | 'renditions' | 'evaluating' | 'done';
  /** 0 to 1. */
  progress: number;
  refusal: Refusal | null;
  poster_url: string | null;
  color: string | null;
  video: Video | null;
  created_at_ms: number;
}

export interface UploadStatus {
  state: 'receiving' | 'probing' | 'ready' | 'refused';
  offset: number;
  length: number;
  refusal: Refusal | null;
  duration_ms: number | null;
  width: number | null;
  height: number | null;
  /** The video that was made of it. */
  video: Id | null;
}

export interface Why {
  code: string;
  hashtag?: string | null;
  handle?: string | null;
  finished?: number | null;
  watched?: number | null;
  weight?: number | null;
}

export interface Explain {
  sources: { name: string; score: number }[];
  /** `predicted + taste + freshness`. */
  score: number;
  predicted: number;
  taste: number;
  freshness: number;
  propensity: number;
  predictions: { task: string; probability: number; weight: number; contribution: number }[];
  affinities: { kind: 'creator' | 'hashtag'; label: string; weight: number }[];
}

export interface FeedItem {
  position: number;
  video: Video;
  why: Why[];
  explain: Explain | null;
}

export interface FeedPage {
  slate: string;
  items: FeedItem[];
  fallback: boolean;
  removed: { filter: string; reason: string; count: number; videos: Id[] }[] | null;
  sources: { name: string; status: 'ok' | 'late' | 'failed'; candidates: number; elapsed_us: number }[] | null;
}

export interface Comment {
  id: Id;
  video: Id;
  author: PersonRef;
  text: string;
  created_at_ms: number;
  like_count: number;
  reply_count: number;
  parent: Id | null;
  mine: { liked: boolean; own: boolean };
}

export type AgeBand = 'under_13' | '13_15' | '16_17' | '18_plus';
export type Language = 'en' | 'zh';

export interface AccountSettings {
  /** 0 is familiar, 1 is "surprise me". */
  surprise: number;
  learning_paused: boolean;
  private_likes: boolean;
}

export interface Account {
  id: Id;
  handle: string;
  display_name: string;
  bio: string;
  avatar_url: string | null;
  color: string;
  age_band: AgeBand;
  role: 'person' | 'operator';
  language: Language | null;
  created_at_ms: number;
  has_password: boolean;
  passkey_count: number;
  settings: AccountSettings;
}

export interface Session {
  signed_in: boolean;
  /** Pseudonym of the viewer, signed in or not. */
  viewer: string;
  account: Account | null;
  sign_up_open: boolean;
}

export interface SessionInfo {
  id: Id;
  created_at_ms: number;
  last_seen_ms: number;
  device: string;
  current: boolean;
}

export interface Passkey {
  id: Id;
  name: string;
  created_at_ms: number;
  last_used_ms: number | null;
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export interface HistoryEntry {
  video: Video;
  at_ms: number;
  watch_ms: number;
  finished: boolean;
  liked: boolean;
  skipped: boolean;
}

export interface Taste {
  topics: { hashtag: string; weight: number; watched: number; finished: number }[];
  creators: { person: PersonRef; weight: number }[];
  learned_from: number;
  paused: boolean;
  surprise: number;
}

export type InboxKind = 'like' | 'comment' | 'reply' | 'follow' | 'video_published' | 'video_refused' | 'duplicate';

export interface InboxEntry {
  id: Id;
  kind: InboxKind;
  actor: PersonRef | null;
  video: { id: Id; poster_url: string | null; color: string | null } | null;
  text: string | null;
  at_ms: number;
  read: boolean;
}

export type ReportSubject = 'video' | 'comment' | 'person';
export type ReportReason = 'spam' | 'violence' | 'sexual' | 'hate' | 'minor_safety' | 'copyright' | 'misinformation' | 'other';

export interface Sound {
  id: Id;
  title: string;
  creator: PersonRef | null;
  video_count: number;
  duration_ms: number;
  color: string;
  audio_url: string | null;
}

export interface Hashtag {
  hashtag: string;
  video_count: number;
  view_count: number;
}

export interface Discover {
  hashtags: (Hashtag & { videos: Video[] })[];
  sounds: Sound[];
  people: Person[];
}

export type SearchKind = 'videos' | 'people' | 'hashtags' | 'sounds';

export interface Suggestion {
  kind: 'hashtag' | 'person' | 'query';
  text: string;
  handle?: string | null;
}

export interface Insights {
  counts: Counts;
  impressions: number;
  finish_rate: number;
  average_watch_ms: number;
  /** Share of viewers still watching at each tenth of the clip. */
  watch_curve: number[];
  sources: { name: string; count: number }[];
  followers_gained: number;
}

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

export interface EventsAck {
  /** On disk now; one sent before is taken and counts once. */
  accepted: number;
  rejected: { index: number; code: string; message: string }[];
}

export interface Status {
  version: string;
  demo: { total: number; done: number } | null;
}

export interface OpsCalibration {
  task: string;
  ece: number | null;
  bins: { predicted: number; observed: number; count: number }[];
}

export interface OpsOverview {
  now_ms: number;
  uptime_s: number;
  videos: number;
  viewers: number;
  events_total: number;
  duplicate_events: number;
  series: {
    t_ms: number[];
    events_per_s: number[];
    feed_requests_per_s: number[];
    feed_p50_ms: number[];
    feed_p99_ms: number[];
  };
  learner: {
    examples: number;
    refused: number;
    capped: number;
    rows: number;
    table_bytes: number;
    series: {
      t_ms: number[];
      tasks: { task: string; log_loss: (number | null)[]; log_loss_base: (number | null)[]; auc: (number | null)[] }[];
    };
    calibration: OpsCalibration[];
  };
  jobs: { queued: number; running: number; failed: number; done_last_hour: number };
  feed: {
    pages: number;
    fallbacks: number;
    filters: { filter: string; reason: string; count: number }[];
    sources: { name: string; ok: number; late: number; failed: number }[];
  };
}

export interface OpsJob {
  id: Id;
  kind: string;
  state: 'queued' | 'running' | 'failed' | 'done';
  attempts: number;
  attempts_max: number;
  reason: string | null;
  video: Id | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface OpsReport {
  id: Id;
  subject: ReportSubject;
  subject_id: Id;
  reason: ReportReason;
  note: string | null;
  created_at_ms: number;
  state: string;
}

/** RFC 9457 body of every refusal. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id?: string;
  errors?: { field?: string; index?: number; code: string; message: string }[];
}
