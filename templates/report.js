// Sorts tables, shows what the marks of figures say, turns the page dark. Without it the page is whole but still.
"use strict";
(() => {
  const language = document.documentElement.lang || "en";

  // ------------------------------------------------------------------------------------------------ tables
  const letters = new Intl.Collator(language, { numeric: true });
  const valueOf = (cell) => cell.dataset.value ?? cell.textContent.trim();

  // Unrounded numbers where all of a column are numbers, else words as the language sorts them; what is missing is last.
  const orderOf = (rows, place) => {
    const keys = new Map(rows.map((row) => [row, valueOf(row.cells[place])]));
    const given = [...keys.values()].filter((key) => key !== "");
    const numbers = given.every((key) => !Number.isNaN(Number(key)));
    return (first, second, sign) => {
      const [a, b] = [keys.get(first), keys.get(second)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (numbers ? Number(a) - Number(b) || 0 : letters.compare(words(first), words(second)));
      function words(row) {
        return row.cells[place].textContent;
      }
    };
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    if (original.length < 2) return;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      if (head.tagName !== "TH") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const way = next[head.getAttribute("aria-sort") ?? "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (way === "none") return body.append(...original);
        head.setAttribute("aria-sort", way);
        const compare = orderOf(original, place);
        const sign = way === "ascending" ? 1 : -1;
        body.append(...[...body.rows].sort((first, second) => compare(first, second, sign)));
      });
    });
  };
  document.querySelectorAll("table").forEach(sortable);

  // --------------------------------------------------------------------------------------- figures that speak
  const box = document.createElement("p");
  box.className = "tooltip";
  box.setAttribute("role", "status");
  document.querySelector("main").append(box);
  let pointed = null;

  const hide = () => {
    pointed?.classList.remove("pointed");
    pointed = null;
    box.textContent = "";
  };

  const show = (mark, x, y) => {
    if (mark !== pointed) {
      hide();
      pointed = mark;
      mark.classList.add("pointed");
      box.textContent = mark.dataset.said;
    }
    const { width, height } = box.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    box.style.left = `${Math.max(6, Math.min(x - width / 2, wide - width - 6))}px`;
    box.style.top = `${y - height - 14 < 0 ? y + 18 : y - height - 14}px`;
  };

  // The browser's own tooltip would stand beside ours, so that what a mark says moves from its title to its data.
  const marksOf = (scroll) => {
    scroll.querySelectorAll("svg title").forEach((title) => {
      title.parentNode.dataset.said = title.textContent;
      title.remove();
    });
    return [...scroll.querySelectorAll("[data-said]")];
  };

  // A pointer need not hit a thin line or a small mark: the nearest within reach speaks, and an area only without one.
  const near = (scroll, x, y, reach) => {
    let area = null;
    for (const radius of [0, reach / 3, (2 * reach) / 3, reach]) {
      for (let step = 0; step < (radius ? 12 : 1); step += 1) {
        const angle = (step * Math.PI) / 6;
        const mark = document
          .elementFromPoint(x + radius * Math.cos(angle), y + radius * Math.sin(angle))
          ?.closest("[data-said]");
        if (!mark || !scroll.contains(mark)) continue;
        if (mark.tagName === "use" || getComputedStyle(mark).fill === "none") return mark;
        if (radius === 0) area = mark;
      }
    }
    return area;
  };

  const middle = (mark) => {
    if (mark.tagName === "path" && getComputedStyle(mark).fill === "none") {
      const point = mark.getPointAtLength(mark.getTotalLength() / 2).matrixTransform(mark.getScreenCTM());
      return [point.x, point.y];
    }
    const { left, top, width } = mark.getBoundingClientRect();
    return [left + width / 2, top];
  };

  const speaking = (scroll) => {
    const first = scroll.querySelector("svg title");
    if (!first) return;
    scroll.classList.add("speaking");
    scroll.setAttribute("aria-describedby", "page-arrows");
    let marks = null;
    let place = -1;
    const ready = () => (marks ??= marksOf(scroll));

    const at = (event, reach) => {
      ready();
      const mark = near(scroll, event.clientX, event.clientY, reach);
      if (mark) show(mark, event.clientX, event.clientY);
      else hide();
    };
    scroll.addEventListener("pointermove", (event) => event.pointerType !== "touch" && at(event, 6));
    scroll.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && hide());
    scroll.addEventListener("click", (event) => at(event, event.pointerType === "mouse" ? 6 : 18));

    // One stop of the tab key for each figure: right and left go from mark to mark, down and up from series to series.
    const series = (mark) => mark.closest('[id*="told-"]');
    const jump = (step) => {
      if (place < 0) return 0;
      const starts = [...marks.keys()].filter((each) => !each || series(marks[each]) !== series(marks[each - 1]));
      const here = starts.filter((start) => start <= place).length - 1;
      return starts[Math.max(0, Math.min(here + step, starts.length - 1))];
    };
    const moves = {
      ArrowRight: () => Math.min(place + 1, marks.length - 1),
      ArrowLeft: () => Math.max(place - 1, 0),
      ArrowDown: () => jump(1),
      ArrowUp: () => jump(-1),
      Home: () => 0,
      End: () => marks.length - 1,
    };
    scroll.addEventListener("keydown", (event) => {
      const move = moves[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      ready();
      place = Math.max(0, move());
      marks[place].scrollIntoView({ block: "nearest", inline: "nearest" });
      show(marks[place], ...middle(marks[place]));
    });
    scroll.addEventListener("blur", hide);
  };
  document.querySelectorAll(".drawing .scroll").forEach(speaking);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("click", (event) => !event.target.closest(".speaking") && hide());
  window.addEventListener("scroll", () => pointed && !document.activeElement?.contains(pointed) && hide(), { passive: true });

  // ---------------------------------------------------------------------------------------------- the page
  // Boxes that need no scrolling are no stop of the tab key, unless they speak.
  const boxes = [...document.querySelectorAll(".scroll, pre")];
  const stops = () =>
    boxes.forEach((each) => {
      const needed = each.classList.contains("speaking") || each.scrollWidth > each.clientWidth + 1;
      each.tabIndex = needed || each.scrollHeight > each.clientHeight + 1 ? 0 : -1;
      if (each.tabIndex < 0) each.removeAttribute("tabindex");
    });
  stops();
  window.addEventListener("resize", stops);
  document.querySelectorAll("details").forEach((each) => each.addEventListener("toggle", stops));

  const button = document.getElementById("page-theme");
  const root = document.documentElement;
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : night.matches);
  const tell = () => button.setAttribute("aria-pressed", String(dark()));
  if (button) {
    button.hidden = false;
    tell();
    night.addEventListener("change", tell);
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      tell();
    });
  }

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(
    (entries) =>
      entries
        .filter((entry) => entry.isIntersecting)
        .forEach((entry) => {
          links.forEach((link) => link.removeAttribute("aria-current"));
          links.get(entry.target.id)?.setAttribute("aria-current", "location");
        }),
    { rootMargin: "-15% 0px -80% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
})();
