// Lists that come page by page and draw only the rows that are seen.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, type ReactNode } from "react";
import { Loaded, Trouble } from "./parts";

export interface PageOf<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Column<T> {
  name: string;
  /** A width as CSS grids have it. */
  width: string;
  cell: (item: T) => ReactNode;
  right?: boolean;
  /** Left out where there is little room. */
  wide?: boolean;
}

interface Props<T> {
  label: string;
  queryKey: unknown[];
  page: (cursor: string | undefined) => Promise<PageOf<T>>;
  columns: Column<T>[];
  rowKey: (item: T) => string;
  open?: (item: T) => void;
  chosen?: string;
  empty: ReactNode;
  refresh?: number;
}

const ROW = 46;
/** Pages that are asked again to stay up to date: a long list is left alone. */
const LIVE_PAGES = 1;

export function Paged<T>(props: Props<T>) {
  const { page, queryKey, refresh } = props;
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => page(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // Asked anew, every page of a long list would be: it begins again at the first one instead.
    refetchOnWindowFocus: false,
    gcTime: 0,
    refetchInterval: ({ state }) => (refresh && (state.data?.pages.length ?? 0) <= LIVE_PAGES ? refresh : false),
  });
  const pages = query.data?.pages;
  const items = useMemo(() => pages?.flatMap((one) => one.items) ?? [], [pages]);
  if (!query.data) return <div className="card"><Loaded of={query} lines={8}>{() => null}</Loaded></div>;
  if (items.length === 0) return <div className="card">{props.empty}</div>;
  return (
    <>
      {query.error && <Trouble error={query.error} />}
      <Rows {...props} items={items} hasMore={query.hasNextPage} busy={query.isFetchingNextPage}
        more={() => void query.fetchNextPage()} />
    </>
  );
}

function Rows<T>({ items, columns, rowKey, open, chosen, label, hasMore, busy, more }: Props<T> & {
  items: T[]; hasMore: boolean; busy: boolean; more: () => void;
}) {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const drawn = rows.getVirtualItems();
  const last = drawn.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !busy && last >= items.length - 15) more();
  }, [hasMore, busy, last, items.length, more]);
  const narrow = window.matchMedia("(max-width: 820px)").matches;
  const shown = columns.filter((column) => !(narrow && column.wide));
  const template = { gridTemplateColumns: shown.map((column) => column.width).join(" ") };
  return (
    <>
      <div className="scroll" ref={scroll} style={hasMore ? undefined : { minHeight: 0 }} tabIndex={0} role="table" aria-label={label}
        aria-rowcount={hasMore ? -1 : items.length + 1}>
        <div role="rowgroup" style={{ display: "contents" }}>
          <div className="vhead" role="row" style={template}>
            {shown.map((column) => (
              <div key={column.name} role="columnheader" className={column.right ? "right clip" : "clip"}>{column.name}</div>
            ))}
          </div>
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {drawn.map(({ index, start }) => {
            const item = items[index];
            if (item === undefined) return null;
            const key = rowKey(item);
            const kind = `vrow${open ? " link" : ""}${chosen === key ? " chosen" : ""}`;
            return (
              <div key={key} role="row" aria-rowindex={index + 2} className={kind} onClick={open && (() => open(item))}
                style={{ ...template, height: ROW, transform: `translateY(${start}px)` }}>
                {shown.map((column, at) => (
                  <div key={column.name} role="cell" className={column.right ? "right num clip" : "clip"}>
                    {open && at === 0
                      ? <button type="button" className="open clip">{column.cell(item)}</button>
                      : column.cell(item)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <p className="soft small" aria-live="polite" style={{ margin: "8px 2px 0" }}>
        {items.length.toLocaleString("en-US")} shown{hasMore ? ", more as you scroll" : ", which are all"}
      </p>
    </>
  );
}
