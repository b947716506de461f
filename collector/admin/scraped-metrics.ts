/** Metrics whose values others keep: they are read when a scrape comes. */
import { Counter, type CounterConfiguration, Gauge, type Registry } from 'prom-client';

/** A gauge that is read when it is scraped; without a value it has no sample. */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: (metric: Gauge) => void,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      // Without labels a reset leaves a zero, which nobody measured.
      if (labelNames.length === 0) this.remove();
      read(this);
    },
  });
}

/** A counter whose total somebody else keeps. */
export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: (metric: Counter) => void,
): void {
  const configuration: CounterConfiguration<string> = {
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      read(this);
    },
  };
  new Counter(configuration);
}
