// Runs before the first paint, so that a page opens in the theme and rail width it was left in.
(() => {
  const root = document.documentElement;
  let theme = 'dark';
  let rail = 'open';
  try {
    if (localStorage.getItem('afdscope.theme') === 'light') theme = 'light';
    if (localStorage.getItem('afdscope.rail') === 'folded') rail = 'folded';
  } catch {
    // Storage may be forbidden: the defaults stand.
  }
  root.dataset.theme = theme;
  root.dataset.rail = rail;
})();
