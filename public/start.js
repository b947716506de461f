// Runs before the first paint: a page opens in the theme and rail width it was left in, and what it begins
// with is asked for while its own script is still on its way (lib/api/ahead.ts hands the answers over).
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

  const ahead = {};
  window.afdscopeAhead = ahead;
  const ask = (path) => {
    const response = fetch(path, { cache: 'no-store' });
    // Whoever takes it says what failed.
    response.catch(() => {});
    ahead[path] = { askedMs: performance.now(), response };
    return response;
  };
  const listed = ask('/api/v1/deployments').then((answer) => answer.clone().json());
  const link = new URLSearchParams(location.search);
  if (location.pathname !== '/timeline') return;
  listed.then(askTiles).catch(() => {
    // The page asks the same, and says what is wrong.
  });

  // The tiles of a link to a timeline, as lib/view/timeline-tiles.ts finds them: a test compares. What
  // cannot be told so soon (filters, the newest data, rows in blocks) is left to the page.
  function askTiles({ deployments }) {
    const deployment = deployments.find(({ id }) => id === link.get('d'));
    const at = /^(\d{1,19})(\.\d{1,20})?$/.exec(link.get('at') ?? '');
    const spanNs = Number(link.get('span'));
    if (deployment === undefined || at === null || !(spanNs >= 16) || spanNs > 2 ** 53) return;
    if (['tail', 'fstages', 'flayer', 'fmb', 'fpeer'].some((name) => link.has(name))) return;
    const workers = deployment.groups.reduce((sum, group) => sum + group.workers, 0);
    if (workers > 48) return;
    const railPx = document.querySelector('.rail')?.clientWidth ?? 148;
    const widthPx = Math.max(1, innerWidth - railPx - 184);
    const exponent = Math.ceil(Math.log2((spanNs / widthPx) * 1024));
    const level = BigInt(Math.min(54, Math.max(20, exponent)));
    const from = BigInt(at[1]);
    const to = from + BigInt(Math.ceil(Number(at[2] ?? 0) + spanNs));
    // A view that lies more than half beside what is kept, or is far longer, is not shown as it is asked for.
    const [kept, end] = [BigInt(deployment.firstSeenUnixNs), BigInt(deployment.lastSeenUnixNs)];
    const half = BigInt(Math.floor(spanNs / 2));
    if (from + half < kept || to - half > end || spanNs > 1.25 * Number(end - kept)) return;
    const last = (to - 1n) >> level;
    const base = `/api/v1/deployments/${encodeURIComponent(deployment.id)}/timeline/tile`;
    for (let tile = from >> level; tile <= last; tile++) {
      const [start, end] = [tile, tile + 1n].map((at) => String(at << level).padStart(19, '0'));
      void ask(`${base}?from=${start}&to=${end}&bins=1024`);
    }
  }
})();
