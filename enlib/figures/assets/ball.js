/* A ball on a map of a loss: the closed form of enlib/figures/ball.py, which has its twin, line by line. */
({ x, y, coefficients, minima, limits, steps }) => {
  const bytes = Uint8Array.from(atob(coefficients), (c) => c.charCodeAt(0));
  const spline = new Float32Array(bytes.buffer);
  const [[left, dx, columns], [low, dy, rows]] = [x, y];
  const axis = (first, step, n) => Array.from({ length: n }, (_, i) => first + i * step);
  const [across, along] = [axis(...x), axis(...y)];

  const cubic = (t) => {
    const s = 1 - t;
    return [
      [s * s * s / 6, ((3 * t - 6) * t * t + 4) / 6, ((3 * s - 6) * s * s + 4) / 6, t * t * t / 6],
      [-s * s / 2, (3 * t - 4) * t / 2, (4 - 3 * s) * s / 2, t * t / 2],
      [s, 3 * t - 2, 3 * s - 2, t],
    ];
  };
  const cell = (value, first, step, n) => {
    const at = (value - first) / step;
    const i = Math.min(Math.max(Math.floor(at), 0), n - 2);
    return [i, cubic(at - i)];
  };

  /* Loss, gradient and Hessian: f, f_x, f_y, f_xx, f_xy, f_yy. */
  const at = ([u, v]) => {
    const [i, [a, da, dda]] = cell(u, ...x);
    const [j, [b, db, ddb]] = cell(v, ...y);
    const sums = [0, 0, 0, 0, 0, 0];
    for (let n = 0; n < 4; n++) {
      const row = (j + n) * (columns + 2) + i;
      let [p, q, r] = [0, 0, 0];
      for (let m = 0; m < 4; m++) {
        const c = spline[row + m];
        p += a[m] * c;
        q += da[m] * c;
        r += dda[m] * c;
      }
      [b[n] * p, b[n] * q, db[n] * p, b[n] * r, db[n] * q, ddb[n] * p].forEach((s, k) => { sums[k] += s; });
    }
    const [f, fx, fy, fxx, fxy, fyy] = sums;
    return [f, fx / dx, fy / dy, fxx / (dx * dx), fxy / (dx * dy), fyy / (dy * dy)];
  };

  const z = Float64Array.from(along.flatMap((v) => across.map((u) => Math.log10(Math.max(at([u, v])[0], 1e-9)))));
  const lowest = Math.min(...Object.values(minima).map((w) => at(w)[0]));

  const eigen = (a, b, c) => {
    const [middle, half] = [(a + c) / 2, (a - c) / 2];
    const root = Math.sqrt(half * half + b * b);
    return [middle - root, middle + root];
  };

  const newton = ([, g, h, a, b, c], absolute) => {
    if (absolute) { // |H| = (H H + |det H|) / (|λ₁| + |λ₂|), in two dimensions
      const [k, l] = eigen(a, b, c).map(Math.abs);
      [a, b, c] = [(a * a + b * b + k * l) / (k + l), b * (a + c) / (k + l), (b * b + c * c + k * l) / (k + l)];
    }
    const det = a * c - b * b || 1;
    return [(b * h - c * g) / det, (b * g - a * h) / det];
  };

  const stepper = (method, eta) => {
    let [v, m, s] = [[0, 0], [0, 0], [0, 0]];
    let [one, two] = [1, 1];
    let [length, last] = [method === "Armijo" ? eta / 2 : eta, null];
    return (w) => {
      if (method === "Nesterov 0.9") {
        const [, g, h] = at([w[0] + 0.9 * v[0], w[1] + 0.9 * v[1]]);
        v = [0.9 * v[0] - eta * g, 0.9 * v[1] - eta * h];
        return v;
      }
      const here = at(w);
      const [f, g, h] = here;
      if (method.includes("Newton")) return newton(here, method !== "Newton");
      if (method === "Polyak") {
        length = Math.max(f - lowest, 0) / (g * g + h * h || 1);
        return [-length * g, -length * h];
      }
      if (method === "Armijo") {
        length *= 2;
        const lower = (place) => inside(place) && at(place)[0] <= f - length * (g * g + h * h) / 2;
        while (!lower([w[0] - length * g, w[1] - length * h])) length /= 2;
        return [-length * g, -length * h];
      }
      if (method === "Barzilai-Borwein") {
        if (last) length = (v[0] * v[0] + v[1] * v[1]) / (v[0] * (g - last[0]) + v[1] * (h - last[1]) || 1);
        [v, last] = [[-length * g, -length * h], [g, h]];
        return v;
      }
      if (method === "Adam") {
        [one, two] = [one * 0.9, two * 0.999];
        m = [0.9 * m[0] + 0.1 * g, 0.9 * m[1] + 0.1 * h];
        s = [0.999 * s[0] + 0.001 * g * g, 0.999 * s[1] + 0.001 * h * h];
        return [0, 1].map((i) => -eta * m[i] / (1 - one) / (Math.sqrt(s[i] / (1 - two)) + 1e-8));
      }
      const mu = method === "momentum 0.9" ? 0.9 : 0;
      v = [mu * v[0] - eta * g, mu * v[1] - eta * h];
      return v;
    };
  };

  const inside = ([u, v]) => u >= left && u <= across.at(-1) && v >= low && v <= along.at(-1);

  const rates = (w) => {
    const [, g, h, a, b, c] = at(w);
    const [bend, size, sharp] = [a * g * g + 2 * b * g * h + c * h * h, g * g + h * h, eigen(a, b, c)[1]];
    return [bend > 0 ? size / bend : null, sharp > 0 ? 2 / sharp : null];
  };

  return ({ method, eta, step, u, v }) => {
    const path = [[u, v]];
    const next = stepper(method, eta);
    while (path.length <= step && inside(path.at(-1))) {
      const w = path.at(-1);
      const [a, b] = next(w);
      path.push([w[0] + a, w[1] + b]);
    }
    const [made, end] = [path.length - 1, path.at(-1)];
    while (path.length <= steps) path.push(end);
    const clip = (value, first, last) => Math.min(Math.max(value, 2 * first - last), 2 * last - first);
    const xs = path.map((w) => clip(w[0], left, across.at(-1)));
    const ys = path.map((w) => clip(w[1], low, along.at(-1)));
    const result = inside(end) ? `Step ${made}: loss ${at(end)[0].toFixed(4)}.` : `It leaves the map at step ${made}.`;
    const marks = Object.entries(minima).map(([name, [a, b]]) => [name, { x: [a], y: [b] }]);
    return {
      ...Object.fromEntries(marks),
      "log₁₀ loss": { x: across, y: along, z },
      path: { x: xs, y: ys },
      start: { x: [u], y: [v] },
      ball: { x: xs.slice(-1), y: ys.slice(-1) },
      result,
      rates: [...limits, ["at the ball", ...rates([u, v])]],
    };
  };
}
