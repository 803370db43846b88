// What all views are written with: htm's standalone bundle of preact.

export { html, render, useState, useEffect, useRef, useMemo, useCallback }
  from "./vendor/preact.js";
