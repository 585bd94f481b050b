// A secret that is shown once.
import { Button, CopyButton, Modal } from "@mantine/core";

export function Secret({ value, name, close }: { value: string | null; name: string; close: () => void }) {
  return (
    <Modal opened={value !== null} onClose={close} title={name} centered closeButtonProps={{ "aria-label": "Close" }}>
      <p style={{ marginTop: 0 }}>It is shown this once. Copy it now.</p>
      <div className="code wrap" tabIndex={0}>{value}</div>
      <div className="row" style={{ justifyContent: "flex-end", marginTop: 14 }}>
        <CopyButton value={value ?? ""}>
          {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}
        </CopyButton>
      </div>
    </Modal>
  );
}
