// A change that is asked twice.
import { Button, Modal, type ButtonProps } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";

export function Sure({ action, danger = false, busy = false, go, children, ...button }: {
  action: string; danger?: boolean; busy?: boolean; go: () => void; children: ReactNode;
} & ButtonProps) {
  const [open, { open: ask, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" {...button} onClick={ask}>{action}</Button>
      <Modal opened={open} onClose={close} title={action} centered closeButtonProps={{ "aria-label": "Close" }}>
        <p style={{ marginTop: 0 }}>{children}</p>
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <Button variant="default" onClick={close}>Leave it</Button>
          <Button color={danger ? "red.9" : undefined} loading={busy} onClick={() => { go(); close(); }}>{action}</Button>
        </div>
      </Modal>
    </>
  );
}
