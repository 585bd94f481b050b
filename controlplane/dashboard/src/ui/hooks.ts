// What several pages ask alike.
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, told } from "../api/client";

/** The time, a little out of date at most. */
export function useNow(every = 5_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A change, with what it says when it is done, and what is asked anew afterwards. */
export function useChange<In, Out>(
  change: (input: In) => Promise<Out>,
  done: { says?: string; anew?: string[][]; then?: (out: Out) => void },
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (out) => {
      for (const queryKey of done.anew ?? []) void client.invalidateQueries({ queryKey });
      if (done.says) notifications.show({ message: done.says, color: "green" });
      done.then?.(out);
    },
    onError: (error) => notifications.show({ title: "That did not work", message: error.message, color: "red" }),
  });
}

export const useRankings = (refetchInterval: number | false = false) =>
  useQuery({ queryKey: ["rankings"], queryFn: () => told(api.GET("/v1/routing/rankings")), refetchInterval });

/** Decisions that "lately" means. */
export const RECENT = 100;

/** The newest decisions, for what is told of right now. */
export const useRecent = (refetchInterval: number | false = false) =>
  useQuery({
    queryKey: ["decisions", "recent"],
    queryFn: () => told(api.GET("/v1/decisions/summaries", { params: { query: { limit: RECENT } } })),
    refetchInterval,
  });

/** Names of the models that routing knows, as constraints and pins name them. */
export function useModelNames(): string[] {
  const shapes = useRankings().data?.task_shapes ?? [];
  const names = shapes.flatMap((shape) => shape.candidates.map((one) => `${one.provider}/${one.model}`));
  return [...new Set(names)].toSorted();
}
