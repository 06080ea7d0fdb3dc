import { useEffect, useRef } from "react";
import { Icon } from "./icon";

/** A dialog that holds the focus while it is open, and gives it back; Escape closes it. */
export function Modal(props: { title: string; close: () => void; children: React.ReactNode }): React.ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    return () => {
      element?.close();
      // The dialog is gone from the page by now, and an element that is gone gives nothing back.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} className="modal" aria-label={props.title} onCancel={(event) => { event.preventDefault(); props.close(); }}
      onClick={(event) => { if (event.target === dialog.current) props.close(); }}>
      <div className="modal-inner">
        <div className="modal-head">
          <h2>{props.title}</h2>
          <button type="button" className="plain-button" onClick={props.close} aria-label="Close"><Icon name="close" /></button>
        </div>
        {props.children}
      </div>
    </dialog>
  );
}
