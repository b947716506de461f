/** The parts of ECharts that the pages draw with; nothing else is bundled. */
import { LineChart, ScatterChart } from 'echarts/charts';
import { AxisPointerComponent, GridComponent, TooltipComponent } from 'echarts/components';
import { connect, type EChartsCoreOption, init, use } from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

use([
  LineChart,
  ScatterChart,
  GridComponent,
  TooltipComponent,
  AxisPointerComponent,
  CanvasRenderer,
  SVGRenderer,
]);

const GROUP = 'trends';

/** A chart whose crosshair moves with those of all others. */
export function initTrend(element: HTMLElement): ReturnType<typeof init> {
  const chart = init(element, null, { renderer: 'canvas' });
  chart.group = GROUP;
  connect(GROUP);
  return chart;
}

/** A chart as SVG markup, to be saved. */
export function chartSvg(option: EChartsCoreOption, widthPx: number, heightPx: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height: heightPx });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** A chart on its own. */
export function initChart(element: HTMLElement): ReturnType<typeof init> {
  return init(element, null, { renderer: 'canvas' });
}
