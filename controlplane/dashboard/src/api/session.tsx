// Who is signed in, for every page below.
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { people, ROLES, type Role, type SignedIn, type User } from "./client";

export const SESSION = ["session"];

/** Who is signed in, as the control plane says. */
export function useSignedIn() {
  return useQuery({ queryKey: SESSION, queryFn: people.session, staleTime: 60_000, retry: 1 });
}

export const Signed = createContext<SignedIn | null>(null);

export function useUser(): User {
  const user = useContext(Signed)?.user;
  if (!user) throw new Error("a page was shown to nobody");
  return user;
}

/** Whether who is signed in may do what needs this role. */
export function useMay(needed: Role): boolean {
  return ROLES.indexOf(useUser().role) >= ROLES.indexOf(needed);
}
