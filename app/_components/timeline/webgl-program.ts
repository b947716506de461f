/** The shaders of the timeline's boxes, and how they become a program. */

/**
 * One instance a box. The difference of two whole numbers is exact, so that a box of a nanosecond in
 * a tile of a second lies where it should; only then it becomes a float.
 */
const VERTEX = `#version 300 es
precision highp float;
precision highp int;
layout(location = 0) in uvec4 box;
uniform int anchor;
uniform float anchorPx;
uniform float unitPx;
uniform vec2 clipPx;
uniform vec2 sizePx;
uniform float scrollPx;
uniform float ratio;
uniform highp sampler2D rows;
flat out uint colour;
flat out uint flags;
void main() {
  uint look = box.z;
  flags = look & 255u;
  colour = (look >> 8u) & 255u;
  int stream = int((look >> 16u) & 3u);
  int worker = int(look >> 18u);
  vec4 lane = texelFetch(rows, ivec2((worker % 256) * 4 + stream, worker / 256), 0);
  float from = floor(anchorPx + float(int(box.x) - anchor) * unitPx + 0.5);
  float to = floor(anchorPx + float(int(box.y) - anchor) * unitPx + 0.5);
  bool isEvent = (flags & 6u) == 0u && (box.w & 65535u) == 65280u;
  float least = (flags & 2u) != 0u ? 2.0 : 1.0;
  to = max(to, from + least);
  // A gap between neighbours, where there is room for one.
  if (isEvent && to - from >= 4.0) to -= 1.0;
  from = clamp(from, clipPx.x, clipPx.y);
  to = clamp(to, clipPx.x, clipPx.y);
  uint heights = lane.z > 0.5 ? box.w >> 16u : box.w & 65535u;
  float low = float(heights & 255u) / 255.0;
  float high = float(heights >> 8u) / 255.0;
  float laneTop = floor((lane.x - scrollPx) * ratio + 0.5);
  float laneEnd = laneTop + floor(lane.y * ratio + 0.5);
  float top = floor(laneEnd - high * (laneEnd - laneTop) + 0.5);
  float bottom = floor(laneEnd - low * (laneEnd - laneTop) + 0.5);
  if ((flags & 2u) != 0u) { top = laneTop; bottom = laneTop + 2.0 * ratio; }
  if (lane.y <= 0.0) bottom = top;
  vec2 corner = vec2((gl_VertexID & 1) == 0 ? from : to, (gl_VertexID & 2) == 0 ? top : bottom);
  gl_Position = vec4(corner.x / sizePx.x * 2.0 - 1.0, 1.0 - corner.y / sizePx.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform vec2 sizePx;
uniform float ratio;
uniform float hatchPx;
uniform float fade;
uniform sampler2D colours;
flat in uint colour;
flat in uint flags;
out vec4 pixel;
void main() {
  vec3 rgb = texelFetch(colours, ivec2(int(colour), 0), 0).rgb;
  if ((flags & 1u) != 0u) {
    float period = floor(6.0 * ratio + 0.5);
    float across = mod(gl_FragCoord.x + hatchPx + sizePx.y - gl_FragCoord.y, period);
    float line = min(across, period - across);
    float strength = clamp((0.85 * ratio - line) + 0.5, 0.0, 1.0);
    if (strength <= 0.0) discard;
    strength *= fade;
    pixel = vec4(rgb * strength, strength);
    return;
  }
  float opacity = fade * ((flags & 4u) != 0u ? 0.8 : 1.0);
  pixel = vec4(rgb * opacity, opacity);
}`;

export const UNIFORMS = [
  'anchor',
  'anchorPx',
  'unitPx',
  'clipPx',
  'sizePx',
  'scrollPx',
  'ratio',
  'hatchPx',
  'fade',
  'rows',
  'colours',
] as const;
export type UniformName = (typeof UNIFORMS)[number];

export interface BoxProgram {
  readonly program: WebGLProgram;
  readonly at: Readonly<Record<UniformName, WebGLUniformLocation | null>>;
}

export function activate(gl: WebGL2RenderingContext, { program }: BoxProgram): void {
  // Called this way the linter does not take it for a hook of React.
  gl.useProgram.call(gl, program);
}

/** Throws an Error with the driver's words where it cannot be built. */
export function boxProgram(gl: WebGL2RenderingContext): BoxProgram {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(type);
    if (shader === null) throw new Error('WebGL made no shader.');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    if (gl.getShaderParameter(shader, gl.COMPILE_STATUS) !== true && !gl.isContextLost()) {
      throw new Error(`A shader does not compile: ${gl.getShaderInfoLog(shader)}`);
    }
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
    throw new Error(`The shaders do not link: ${gl.getProgramInfoLog(program)}`);
  }
  const entries = UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)] as const);
  return { program, at: Object.fromEntries(entries) as BoxProgram['at'] };
}
