/** Does a key go to a field that somebody writes in? Then it is no shortcut. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

/** Is something open that has its own use for keys: letters, arrows, Escape? */
export function hasOpenLayer(): boolean {
  return document.querySelector('[role="dialog"], [role="menu"]') !== null;
}
