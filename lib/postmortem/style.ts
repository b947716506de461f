/** The style of a report: both themes on screens, the light one on paper. */
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import { Markup } from './markup.ts';

function colours(theme: ThemeName): string {
  return Object.entries(SURFACES[theme])
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';');
}

export const STYLE = new Markup(`
:root{${colours('light')};color-scheme:light}
@media screen and (prefers-color-scheme:dark){:root{${colours('dark')};color-scheme:dark}}
*{box-sizing:border-box}
body{margin:0;background:var(--background);color:var(--text);font:13px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,body>footer{max-width:1000px;margin:0 auto;padding:16px 20px}
header{border-bottom:1px solid var(--line);padding-bottom:8px}
h1{font-size:22px;line-height:1.2;margin:0 0 6px;overflow-wrap:anywhere}
h2{font-size:16px;margin:26px 0 8px;padding-top:10px;border-top:1px solid var(--line)}
h3{font-size:13px;margin:16px 0 4px}
p{margin:6px 0;overflow-wrap:anywhere}
header p{margin:2px 0;color:var(--muted)}
a{color:var(--accent);text-underline-offset:2px}
a:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
nav ol{display:flex;flex-wrap:wrap;gap:2px 16px;list-style-position:inside;margin:10px 0 0;padding:0}
nav li{white-space:nowrap}
ul{margin:6px 0;padding-left:20px}
.lead{font-size:16px;line-height:1.4}
.note,.muted,.unit,caption,figcaption,tfoot td{color:var(--muted)}
.note,figcaption{font-size:12px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:1px;margin:10px 0;background:var(--line);border:1px solid var(--line)}
.figures div{background:var(--background);padding:6px 10px}
.figures dt{font-size:12px;color:var(--muted)}
.figures dd{margin:0;white-space:nowrap}
.figures dd.note{white-space:normal}
.figures b{font-size:20px;font-weight:600;line-height:1.25}
.table{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;width:100%;font-size:12px}
caption{text-align:left;padding:0 0 4px;font-size:12px}
th,td{text-align:left;vertical-align:top;padding:3px 10px 3px 0;border-bottom:1px solid var(--line);font-weight:400;overflow-wrap:anywhere}
thead th{color:var(--muted);font-size:11px;vertical-align:bottom}
tbody th{font-weight:600;min-width:8.5em}
td{min-width:5em}
.number{text-align:right;white-space:nowrap}
tfoot td{border:0}
figure{margin:12px 0}
figure svg:not(.mark){display:block;width:100%;height:auto}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin-top:4px}
.mark{vertical-align:-1px}
.defs{position:absolute}
svg path{fill:none}
svg text{fill:var(--text);font-size:9px;font-family:inherit}
svg text.muted{fill:var(--muted)}
svg .ground{fill:var(--background)}
svg .grid{stroke:var(--line);stroke-width:.6}
svg .way{stroke:var(--text);stroke-width:1.3;stroke-linejoin:round}
svg .critical{stroke:var(--critical)}
svg .warning{stroke:var(--warning)}
svg .bare{stroke:var(--line)}
body>footer{color:var(--muted);font-size:12px;border-top:1px solid var(--line)}
@page{size:A4;margin:14mm 12mm 16mm}
@media print{
:root{${colours('light')}}
body{font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,body>footer{max-width:none;padding:0}
nav{display:none}
h2,h3,caption,thead{break-after:avoid}
figure,tr,.figures div,.lead{break-inside:avoid}
thead{display:table-header-group}
tfoot{display:table-row-group}
.table{overflow:visible}
a{color:inherit}
#evidence a[href^=http]::after{content:" " attr(href);color:var(--muted);font-size:8pt;word-break:break-all}
}
`);
