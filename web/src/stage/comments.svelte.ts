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

export class Talk {
  readonly comments: Paged<Comment>;
  /** Replies that were opened, by the comment they answer. */
  replies = $state.raw<Record<Id, Comment[]>>({});
  answering = $state.raw<Comment | null>(null);
  /** Drawn as on their way. */
  sending = $state.raw<Set<Id>>(new Set());
  #video: Video;
  #serial = 0;

  constructor(video: Video) {
    this.#video = video;
    this.comments = new Paged<Comment>((page: Page) => api.comments(video.id, page), page_size);
  }

  async open_replies(comment: Comment): Promise<void> {
    try {
      const page = await api.replies(comment.id, { limit: 50 });
      this.replies = { ...this.replies, [comment.id]: page.items };
    } catch (error) {
      toasts.failed(error);
    }
  }

  hide_replies(comment: Comment): void {
    const { [comment.id]: _, ...rest } = this.replies;
    this.replies = rest;
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
    state.comments += 1;
    try {
      const comment = await api.comment(this.#video.id, text, parent ?? undefined);
      this.#replace(draft.id, comment);
      this.answering = null;
      return true;
    } catch (error) {
      this.#drop(draft);
      state.comments -= 1;
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
    const state = clips.of(this.#video);
    state.comments = Math.max(0, state.comments - 1 - (comment.parent ? 0 : comment.reply_count));
    toasts.show(t('comments.deleted'));
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
    const swap = (list: Comment[]) => list.map((comment) => (comment.id === id ? by : comment));
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
