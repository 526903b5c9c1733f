/** The talk under one clip: top comments page by page, replies when they are asked for. */
import { api, type Page } from '$/api/client';
import type { Comment, Id, Video } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';
import { session } from '$/state/session.svelte';
import { toasts } from '$/state/toast.svelte';
import { Paged } from '$/ui/paged.svelte';
import { clips } from './clips.svelte';

export const text_max = 500;
const page_size = 20;
const replies_size = 50;

export class Talk {
  readonly comments: Paged<Comment>;
  /** Replies that were opened, by the comment they answer. */
  replies = $state.raw<Record<Id, Comment[]>>({});
  /** Where the replies of a comment go on; none where all are here. */
  rest = $state.raw<Record<Id, string>>({});
  answering = $state.raw<Comment | null>(null);
  /** Drawn as on their way. */
  sending = $state.raw<Set<Id>>(new Set());
  #video: Video;
  #opening = new Set<Id>();
  #serial = 0;

  constructor(video: Video) {
    this.#video = video;
    this.comments = new Paged<Comment>((page: Page) => api.comments(video.id, page), page_size);
  }

  async open_replies(comment: Comment): Promise<void> {
    const shown = this.replies[comment.id] ? this.rest[comment.id] : null;
    if (shown === undefined || this.#opening.has(comment.id)) return;
    this.#opening.add(comment.id);
    try {
      const page = await api.replies(comment.id, { limit: replies_size, cursor: shown });
      const before = this.replies[comment.id] ?? [];
      // What this person has just written may come again with the page.
      const held = new Set(before.map((reply) => reply.id));
      this.replies = { ...this.replies, [comment.id]: [...before, ...page.items.filter((reply) => !held.has(reply.id))] };
      const { [comment.id]: _, ...rest } = this.rest;
      this.rest = page.next_cursor ? { ...rest, [comment.id]: page.next_cursor } : rest;
    } catch (error) {
      toasts.failed(error);
    } finally {
      this.#opening.delete(comment.id);
    }
  }

  /** A reply is written among the others: they are opened first. */
  async answer(comment: Comment): Promise<void> {
    this.answering = comment;
    if (!comment.parent && comment.reply_count > 0 && !this.replies[comment.id]) await this.open_replies(comment);
  }

  hide_replies(comment: Comment): void {
    const { [comment.id]: _, ...replies } = this.replies;
    this.replies = replies;
    const { [comment.id]: __, ...rest } = this.rest;
    this.rest = rest;
  }

  /** True when it was sent; otherwise the text is still the person's. */
  async send(text: string): Promise<boolean> {
    const account = session.account;
    if (!account) return false;
    const parent = this.answering?.parent ?? this.answering?.id ?? null;
    const draft: Comment = {
      id: `draft-${++this.#serial}`,
      video: this.#video.id,
      author: account,
      text,
      created_at_ms: Date.now(),
      like_count: 0,
      reply_count: 0,
      parent,
      mine: { liked: false, own: true },
    };
    this.#put(draft);
    this.sending = new Set([...this.sending, draft.id]);
    const state = clips.of(this.#video);
    state.talked(1);
    this.#count(parent, 1);
    try {
      const comment = await api.comment(this.#video.id, text, parent ?? undefined);
      this.#replace(draft.id, comment);
      this.answering = null;
      return true;
    } catch (error) {
      this.#drop(draft);
      state.talked(-1);
      this.#count(parent, -1);
      if (!session.noticed(error)) toasts.failed(error, t('comments.failed'));
      return false;
    } finally {
      this.sending = new Set([...this.sending].filter((id) => id !== draft.id));
    }
  }

  async like(comment: Comment): Promise<void> {
    if (!session.require()) return;
    const on = !comment.mine.liked;
    const shown = { ...comment, like_count: Math.max(0, comment.like_count + (on ? 1 : -1)), mine: { ...comment.mine, liked: on } };
    this.#replace(comment.id, shown);
    try {
      const { liked, like_count } = await api.like_comment(comment.id, on);
      this.#replace(comment.id, { ...shown, like_count, mine: { ...shown.mine, liked } });
    } catch (error) {
      this.#replace(comment.id, comment);
      if (!session.noticed(error)) toasts.failed(error, t('stage.like_failed'));
    }
  }

  async remove(comment: Comment): Promise<void> {
    try {
      await api.delete_comment(comment.id);
    } catch (error) {
      toasts.failed(error);
      return;
    }
    this.#drop(comment);
    this.#count(comment.parent, -1);
    clips.of(this.#video).talked(-1 - (comment.parent ? 0 : comment.reply_count));
    toasts.show(t('comments.deleted'));
  }

  /** One reply more or less under a comment. */
  #count(parent: Id | null, by: number): void {
    this.comments.items = this.comments.items.map((comment) =>
      comment.id === parent ? { ...comment, reply_count: Math.max(0, comment.reply_count + by) } : comment,
    );
  }

  #put(comment: Comment): void {
    if (!comment.parent) {
      this.comments.items = [comment, ...this.comments.items];
      return;
    }
    const parent = comment.parent;
    this.replies = { ...this.replies, [parent]: [...(this.replies[parent] ?? []), comment] };
  }

  #replace(id: Id, by: Comment): void {
    // A page that came meanwhile may hold it already.
    const swap = (list: Comment[]) =>
      list.filter((comment) => comment.id === id || comment.id !== by.id).map((comment) => (comment.id === id ? by : comment));
    this.comments.items = swap(this.comments.items);
    this.replies = Object.fromEntries(Object.entries(this.replies).map(([key, list]) => [key, swap(list)]));
  }

  #drop(gone: Comment): void {
    this.comments.remove((comment) => comment.id === gone.id);
    this.replies = Object.fromEntries(
      Object.entries(this.replies).map(([key, list]) => [key, list.filter((comment) => comment.id !== gone.id)]),
    );
  }
}
