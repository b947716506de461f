/** What the tiles of a picture say of it, read once for all frames that show the same pieces. */
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import { pieceMarks, type TileMarks } from '#lib/view/timeline-axis.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import { samePieces, type TilePiece } from '#lib/view/timeline-tiles.ts';

export interface PieceFacts {
  readonly axis: TileMarks;
  /** By worker. */
  readonly clocks: ReadonlyMap<string, TimelineRow>;
}

type Pieces = readonly TilePiece<LoadedTile>[];

export class PieceReader {
  #pieces: Pieces = [];
  #facts: PieceFacts = factsOf([]);

  read(pieces: Pieces): PieceFacts {
    if (!samePieces(pieces, this.#pieces)) this.#facts = factsOf(pieces);
    this.#pieces = pieces;
    return this.#facts;
  }
}

function factsOf(pieces: Pieces): PieceFacts {
  const headers = [...new Set(pieces.map(({ tile }) => tile))].map(({ tile }) => tile.header);
  return {
    axis: pieceMarks(pieces),
    clocks: new Map(headers.flatMap(({ rows }) => rows.map((row) => [row.workerId, row]))),
  };
}
