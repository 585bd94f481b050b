// Where the dashboard begins.
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app.css";

import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { Refusal } from "./api/client";
import { SESSION } from "./api/session";
import { App } from "./app";
import { theme } from "./theme";

/** Whoever is not signed in any more is asked to sign in again. */
function signedOut(error: unknown) {
  if (error instanceof Refusal && error.status === 401 && error.code === "invalid_api_key") {
    void client.invalidateQueries({ queryKey: SESSION });
  }
}

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (query.queryKey[0] !== "operator") signedOut(error);
    },
  }),
  mutationCache: new MutationCache({ onError: signedOut }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What was refused is refused again.
      retry: (times, error) => !(error instanceof Refusal && error.status < 500) && times < 2,
    },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        <BrowserRouter>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
