import { describe, expect, test } from 'vitest';
import { SURFACES } from '#lib/view/palette.ts';
import { frameLayout, paintFrame } from '#lib/view/picture-frame.ts';
import { SvgPen } from '#lib/view/svg-pen.ts';

/** Six pixels a letter, whatever the font. */
const measure = (text: string): number => text.length * 6;

describe('SVG from what is painted', () => {
  test('boxes, texts and paths where a canvas would put them', () => {
    const pen = new SvgPen(measure);
    pen.fillStyle = '#112233';
    pen.fillRect(1, 2, 30, 4.256);
    pen.save();
    pen.translate(10, 20);
    pen.fillStyle = pen.hatch('#ff0000');
    pen.globalAlpha = 0.22;
    // A canvas takes sizes below zero.
    pen.fillRect(5, 5, -3, 2);
    pen.strokeStyle = 'rgba(1, 2, 3, 0.5)';
    pen.lineWidth = 1.5;
    pen.strokeRect(0, 0, 2, 2);
    pen.restore();
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.fillText('a<b & "c"', 3, 4, 20);
    pen.beginPath();
    pen.moveTo(0, 0);
    pen.lineTo(4, 3);
    pen.fill();
    const svg = pen.finish(100, 50);
    expect(svg).toContain('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"');
    expect(svg).toContain('<rect x="1" y="2" width="30" height="4.26" fill="#112233"/>');
    expect(svg).toContain(
      '<rect x="12" y="25" width="3" height="2" fill="url(#hatch-0)" opacity="0.22"/>',
    );
    expect(svg).toContain('stroke="rgba(1, 2, 3, 0.5)" stroke-width="1.5"');
    expect(svg).toContain('text-anchor="end" dominant-baseline="central" textLength="20"');
    expect(svg).toContain('>a&lt;b &amp; &quot;c&quot;</text>');
    expect(svg).toContain('<path d="M0 0L4 3" fill="#112233"/>');
    expect(svg).toContain('<pattern id="hatch-0"');
    expect(svg).toContain('stroke="#ff0000"');
  });

  test('a frame says what the picture is; its legend breaks into lines', () => {
    const frame = {
      title: 'Wait of each worker',
      subtitle: 'prod · last 5 min',
      legend: ['attention', 'expert', 'wait for a peer that is busy', 'A2F network'].map(
        (name, i) => ({ name, colour: '#4f9dff', look: i === 2 ? 'hatched' : 'filled' }) as const,
      ),
      widthPx: 320,
      heightPx: 100,
    };
    const layout = frameLayout(frame, measure);
    expect(layout.widthPx).toBe(344);
    expect(new Set(layout.marks.map(({ y }) => y)).size).toBe(2);
    const right = layout.marks.map(({ mark, x }) => x + measure(mark.name) + 17);
    expect(Math.max(...right)).toBeLessThanOrEqual(layout.widthPx);
    expect(layout.topPx).toBeGreaterThan(layout.marks.at(-1)!.y);
    const pen = new SvgPen(measure);
    paintFrame(pen, frame, layout, SURFACES.light, (colour) => pen.hatch(colour));
    const svg = pen.finish(layout.widthPx, layout.heightPx);
    for (const text of ['Wait of each worker', 'prod · last 5 min', 'A2F network']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).toContain('url(#hatch-0)');
    expect(svg).toContain(`fill="${SURFACES.light.panel}"`);
  });
});
