import {
  type CSSProperties,
  memo,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { marked, type Piece, piecesOf } from "./colours.ts";
import type { LogLines } from "./lines.ts";
import { scrollTo, sightOf } from "./scroll.ts";
import { plainText } from "./terminal.ts";

/** Of a line that is longer nobody reads the rest here, and no browser lays it out in time. */
const LONGEST_SHOWN = 10_000;
const END_PX = 4;

interface Props {
  label: string;
  lines: LogLines;
  version: number;
  /** The numbers of the lines to show, if not all. */
  only: number[] | null;
  pattern: RegExp | null;
  /** The line that somebody went to. */
  current: number | null;
  isWrapped: boolean;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
}

/** The lines in sight, of as many as there are. */
export function LogText(props: Props) {
  const { lines, only, current, isWrapped, isFollowing, onFollow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [scrollPx, setScrollPx] = useState(0);
  const viewPx = useHeight(scroller);
  const count = only ? only.length : lines.count - lines.first;
  const numberAt = (place: number) => (only ? (only[place] ?? 0) : lines.first + place);
  const sight = sightOf(count, viewPx, scrollPx);
  const isScrolled = sight.heightPx > viewPx;
  const isAtEnd = isScrolled && sight.to >= count && scrollPx >= sight.heightPx - viewPx - END_PX;

  // biome-ignore lint/correctness/useExhaustiveDependencies: more lines, and another height, move the end
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && isFollowing) box.scrollTop = box.scrollHeight;
  }, [isFollowing, count, viewPx, props.version]);

  const place = current === null ? -1 : only ? only.indexOf(current) : current - lines.first;
  // biome-ignore lint/correctness/useExhaustiveDependencies: to go to a line once is enough, whatever comes after it
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && place >= 0) box.scrollTop = scrollTo(place, count, viewPx);
  }, [place]);

  function scrolled(box: HTMLDivElement) {
    setScrollPx(box.scrollTop);
    const isNowAtEnd = box.scrollTop >= box.scrollHeight - box.clientHeight - END_PX;
    if (isNowAtEnd !== isFollowing) onFollow(isNowAtEnd);
  }

  const digits = String(Math.max(1, lines.count)).length;
  const shown = Array.from({ length: Math.max(0, sight.to - sight.from) }, (_, at) =>
    numberAt(sight.from + at),
  );
  return (
    <div
      ref={scroller}
      className="log-scroll"
      onScroll={(event) => event.target === event.currentTarget && scrolled(event.currentTarget)}
    >
      <div style={{ height: sight.heightPx }}>
        <div
          className={`log-view ${isAtEnd ? "at-end" : ""} ${isScrolled ? "" : "whole"}`}
          style={{ height: viewPx }}
          role="log"
          aria-live="off"
          aria-label={props.label}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
          tabIndex={0}
        >
          <div
            className={`log-lines ${isWrapped ? "wrapped" : ""}`}
            style={{ "--digits": digits, marginTop: isAtEnd ? 0 : -sight.shiftPx } as CSSProperties}
          >
            {shown.map((number) => (
              <Line
                key={number}
                number={number}
                {...lines.line(number)}
                pattern={props.pattern}
                isCurrent={number === current}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

const Line = memo(function Line(props: {
  number: number;
  text: string;
  style: string;
  pattern: RegExp | null;
  isCurrent: boolean;
}) {
  const { number, text, style, pattern, isCurrent } = props;
  const isCut = text.length > LONGEST_SHOWN;
  const pieces = marked(piecesOf(isCut ? text.slice(0, LONGEST_SHOWN) : text, style), pattern);
  return (
    <div className="log-line" aria-current={isCurrent ? "true" : undefined}>
      <span className="log-number">{number + 1}</span>
      <span className="log-text">
        {pieces.map((piece, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line never change place
          <LinePiece key={at} piece={piece} />
        ))}
        {isCut && <em className="quiet"> … {plainText(text).length - LONGEST_SHOWN} more letters</em>}
      </span>
    </div>
  );
});

function LinePiece({ piece }: { piece: Piece }) {
  const { text, look, colour, background, isFound } = piece;
  if (isFound) return <mark className={look}>{text}</mark>;
  if (!look && !colour && !background) return text;
  return (
    <span className={look} style={{ color: colour, backgroundColor: background }}>
      {text}
    </span>
  );
}

/** How tall a box is, whatever becomes of the window. */
function useHeight(box: RefObject<HTMLDivElement | null>): number {
  const [heightPx, setHeightPx] = useState(400);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(
      ([entry]) => entry && setHeightPx(Math.floor(entry.contentRect.height)),
    );
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return heightPx;
}
