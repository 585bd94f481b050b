// The API as the control plane serves it, typed by its own document.
import createClient from "openapi-fetch";
import type { components as OperatorComponents, paths as OperatorPaths } from "./operator";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type OperatorSchemas = OperatorComponents["schemas"];

/** Changes by cookie are refused without it. */
const BY_HAND = { "x-floopy-dashboard": "1" };

/** An answer that is none, in the API's words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param: string | null,
  ) {
    super(message);
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, headers: BY_HAND });

/** The operator's routes, under a key that only this tab knows. */
export function operator(key: string) {
  return createClient<OperatorPaths>({ baseUrl: location.origin, headers: { authorization: `Bearer ${key}` } });
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was answered, or why nothing was. */
export async function told<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok || data === undefined) throw refusal(response.status, error);
  return data;
}

function refusal(status: number, error: unknown): Refusal {
  const said = (error as { error?: { code?: string; message?: string; param?: string | null } } | undefined)?.error;
  const fallback = status === 0 ? "The control plane did not answer." : `The control plane answered ${status}.`;
  return new Refusal(status, said?.code ?? "unknown", said?.message ?? fallback, said?.param ?? null);
}

async function own<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
  const response = await fetch(`/dashboard${path}`, {
    method,
    headers: {
      ...BY_HAND,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key ? { authorization: `Bearer ${key}` } : {}),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const data: unknown = text ? JSON.parse(text) : null;
  if (!response.ok) throw refusal(response.status, data);
  return data as T;
}

export type Role = "owner" | "admin" | "member" | "read_only";
export const ROLES: Role[] = ["read_only", "member", "admin", "owner"];

export interface User {
  id: string;
  email: string;
  role: Role;
  created_at: string;
}

/** Shorter passwords are refused. */
export const LEAST_CHARS = 12;

export interface SignedIn {
  user: User | null;
  /** Who vouches for people beside passwords, where somebody does. */
  oidc?: string | null;
  tenant?: { id: string };
  expires_at?: string;
  version?: string;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

interface Chatted {
  content: string;
  model: string;
  /** The id of its decision. */
  call?: string;
}

/** A call through the proxy, with a key that only this tab knows. */
async function chat(key: string, model: string, messages: ChatMessage[]): Promise<Chatted> {
  const response = await fetch("/dashboard/chat", {
    method: "POST",
    headers: { ...BY_HAND, "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages }),
  });
  const data = (await response.json().catch(() => null)) as { model?: string; choices?: { message?: { content?: string | null } }[] } | null;
  if (!response.ok) throw refusal(response.status, data);
  return {
    content: data?.choices?.[0]?.message?.content ?? "(no text)",
    model: data?.model ?? model,
    call: response.headers.get("floopy-call-id") ?? undefined,
  };
}

/** What only the dashboard asks for. */
export const people = {
  session: () => own<SignedIn>("GET", "/session"),
  signIn: (email: string, password: string) => own<User>("POST", "/session", { email, password }),
  signOut: () => own<null>("DELETE", "/session"),
  password: (current_password: string, password: string) => own<unknown>("PUT", "/password", { current_password, password }),
  chat,
  list: () => own<{ items: User[] }>("GET", "/users"),
  create: (user: { email: string; password: string; role?: Role }, key?: string) =>
    own<User>("POST", "/users", user, key),
  remove: (id: string) => own<unknown>("DELETE", `/users/${encodeURIComponent(id)}`),
};
