// Which page is at which path, for whoever is signed in.
import { Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Navigate, Route, Routes } from "react-router";
import { Signed, useSignedIn } from "./api/session";
import { SignIn } from "./pages/sign-in";
import { Empty, Trouble } from "./ui/parts";
import { Shell } from "./ui/shell";

const Overview = lazy(() => import("./pages/overview"));
const Decisions = lazy(() => import("./pages/decisions"));
const Routing = lazy(() => import("./pages/routing"));
const Sessions = lazy(() => import("./pages/sessions"));
const Session = lazy(() => import("./pages/session"));
const Experiments = lazy(() => import("./pages/experiments"));
const Promotions = lazy(() => import("./pages/promotions"));
const Feedback = lazy(() => import("./pages/feedback"));
const Safety = lazy(() => import("./pages/safety"));
const Usage = lazy(() => import("./pages/usage"));
const Prompts = lazy(() => import("./pages/prompts"));
const Access = lazy(() => import("./pages/access"));
const Evaluations = lazy(() => import("./pages/evaluations"));
const Playground = lazy(() => import("./pages/playground"));
const Pool = lazy(() => import("./pages/pool"));
const Account = lazy(() => import("./pages/account"));
const Fleet = lazy(() => import("./pages/fleet"));
const Audit = lazy(() => import("./pages/audit"));

function Waiting() {
  return <div style={{ display: "grid", placeItems: "center", minHeight: "40vh" }}><Loader role="status" aria-label="Loading" /></div>;
}

export function App() {
  const session = useSignedIn();
  if (session.isPending) return <Waiting />;
  if (session.error && !session.data) {
    return <div className="signin"><main><Trouble error={session.error} retry={() => void session.refetch()} /></main></div>;
  }
  if (!session.data?.user) return <SignIn />;
  return (
    <Signed value={session.data}>
      <Shell>
        <Suspense fallback={<Waiting />}>
          <Routes>
            <Route path="/" element={<Overview />} />
            <Route path="/decisions/:id?" element={<Decisions />} />
            <Route path="/routing/:tab?" element={<Routing />} />
            <Route path="/sessions" element={<Sessions />} />
            <Route path="/sessions/:id" element={<Session />} />
            <Route path="/experiments/:id?" element={<Experiments />} />
            <Route path="/promotions/:id?" element={<Promotions />} />
            <Route path="/feedback" element={<Feedback />} />
            <Route path="/safety" element={<Safety />} />
            <Route path="/evaluations/:tab?/:id?" element={<Evaluations />} />
            <Route path="/playground" element={<Playground />} />
            <Route path="/pool" element={<Pool />} />
            <Route path="/account" element={<Account />} />
            <Route path="/usage/:tab?" element={<Usage />} />
            <Route path="/prompts/:id?" element={<Prompts />} />
            <Route path="/access/:tab?" element={<Access />} />
            <Route path="/fleet" element={<Fleet />} />
            <Route path="/audit" element={<Audit />} />
            <Route path="/sign-in" element={<Navigate to="/" replace />} />
            <Route path="*" element={<Empty title="There is no such page">Choose one from the menu.</Empty>} />
          </Routes>
        </Suspense>
      </Shell>
    </Signed>
  );
}
