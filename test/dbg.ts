import { Random } from '#lib/base/random.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import { alignClocks } from '#lib/model/clock-alignment.ts';
import { linksBetween, randomWorld, reportOf, transfersOf } from '#test/support/clock-world.ts';
const LINK = { transfers: 300, flightNs: 70_000, jitterNs: 20_000, pickUpNs: 2000 };
const range=(a:number,b:number)=>Array.from({length:b-a},(_,i)=>a+i);
let bad=0;
for (let seed=1;seed<=2500;seed++){
      const random = new Random(seed);
      const [attention, ffn] = [1 + random.below(5), 1 + random.below(3)];
      const names = [...range(0,attention).map(i=>`a-${i}`),...range(0,ffn).map(i=>`f-${i}`)];
      const world = randomWorld(random, names, 10e6, 50);
      const toNs = [50e6, 1e9, 9e9, 35e9][seed % 4]!;
      const links = linksBetween(range(0, attention), range(attention, names.length), LINK).map(
        (link) => ({
          ...link,
          transfers: Math.ceil(link.transfers * random.uniform() ** 3),
          flightNs: link.flightNs * (0.2 + random.uniform()),
          jitterNs: random.below(4) === 0 ? 1e6 : link.jitterNs,
          pickUpNs: [0.01, 500, 20_000][seed % 3]!,
        }),
      );
      const arrival = random.below(2) === 0;
      const columns = reportOf(world, transfersOf(random, links, 0, toNs), { arrival });
      const b=new ClockBounds(); b.add(columns);
      const t=process.cpuUsage().user;
      const al=alignClocks(b.part());
      const ms=(process.cpuUsage().user-t)/1e3;
      if (al.conflicts.length||ms>50) {bad++; console.log(seed,attention,ffn,toNs/1e9,seed%3,arrival,ms,al.conflicts.map(c=>[c.domains.join(' '),c.depthNs]))}
}
console.log('bad',bad);
