/** The name that somebody gave once, kept in this browser. */

const AUTHOR_KEY = 'afdscope.author';

export function rememberedAuthor(): string {
  try {
    return localStorage.getItem(AUTHOR_KEY) ?? '';
  } catch {
    return '';
  }
}

export function rememberAuthor(author: string): void {
  try {
    localStorage.setItem(AUTHOR_KEY, author);
  } catch {
    // Storage may be forbidden: the name is asked for again.
  }
}
