/** The uploads of this visit. They belong to the app, not to a page, so that they survive navigation. */
class Uploads {
  /** True while there is a card to show. */
  active = $state(false);
}

export const uploads = new Uploads();
