import { createRoot } from "react-dom/client";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import { App } from "./app";
import "./styles/base.css";
import "./styles/workbench.css";
import "./styles/views.css";

createRoot(document.getElementById("page")!).render(<App />);
