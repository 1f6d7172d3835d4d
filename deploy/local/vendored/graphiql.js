// GraphiQL with React in one module.
export { GraphiQL } from "graphiql";
export { createElement } from "react";
export { createRoot } from "react-dom/client";
import "graphiql/style.css";
