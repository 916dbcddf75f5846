// Style sheets. The three hues are Okabe and Ito's vermilion, blue and bluish green, lighter on dark surfaces.
#include "style.hpp"

namespace cnf::report {

const std::string& picture_style() {
  static const std::string style = R"(
:root{--surface:#fff;--ink:#1b1f24;--muted:#5c6670;--grid:#e6e9ec;--axis:#9aa3ab;--data:#d55e00;--flow:#0072b2;--held:#00805e;--over:#ff9d2e}
@media screen and (prefers-color-scheme:dark){:root{--surface:#14171b;--ink:#e8eaed;--muted:#9ba5af;--grid:#262b31;--axis:#67717b;--data:#f5a35c;--flow:#6cb6ee;--held:#5ccfa8;--over:#ff8f3a}}
svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
svg text{font-size:11px;fill:var(--muted);text-anchor:middle}
svg text.end{text-anchor:end}svg text.start{text-anchor:start}
svg text.name{fill:var(--ink)}
.surface{fill:var(--surface)}
.grid,.axis,.line,.dots,.ring,.reference,.trace{fill:none}
.grid{stroke:var(--grid)}.axis{stroke:var(--axis)}.frame{fill:none;stroke:var(--grid)}
.reference{stroke:var(--muted);stroke-width:1.25;stroke-dasharray:2 3}
.line{stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}
.data{--mark:var(--data)}.flow{--mark:var(--flow)}.held{--mark:var(--held)}.plain{--mark:var(--ink)}.over{--mark:var(--over)}
.line,.dots,.trace{stroke:var(--mark)}
.line.held{stroke-dasharray:5 3}
.thin{stroke-width:1.1}
.area{fill:var(--mark);fill-opacity:.16;stroke:var(--mark);stroke-width:1.5;stroke-linejoin:round}
.bars{fill:var(--mark);fill-opacity:.75;stroke:var(--surface);stroke-width:.5}
.dots{stroke-linecap:round;stroke-width:2;stroke-opacity:.55}
.dots.small{stroke-width:1.5;stroke-opacity:.5}.dots.small.over{stroke-opacity:.8}.dots.medium{stroke-width:3;stroke-opacity:.9}.dots.large{stroke-width:4.5;stroke-opacity:1}
.trace{stroke-width:1;stroke-opacity:.5;stroke-linejoin:round}
.ring{stroke:var(--muted)}
.band{fill:var(--muted);fill-opacity:.13}
.point{fill:var(--surface);stroke:var(--mark);stroke-width:2}
.dark{display:none}
@media screen and (prefers-color-scheme:dark){.light{display:none}.dark{display:inline}}
)";
  return style;
}

const std::string& page_style() {
  static const std::string style = picture_style() + R"(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;color-scheme:light dark}
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1280px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:clamp(26px,4vw,36px);line-height:1.15;letter-spacing:-.015em;margin:0 0 6px;overflow-wrap:anywhere}
h2{font-size:20px;letter-spacing:-.01em;margin:56px 0 4px;padding-top:18px;border-top:1px solid var(--grid)}
h3{font-size:15px;font-weight:600;margin:0}
p{margin:0 0 12px;max-width:72ch}
.lead,.intro,figcaption,.notes{color:var(--muted)}
.intro{margin-bottom:20px}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,360px),1fr));gap:36px 40px;margin-top:20px}
figure{margin:0;min-width:0;break-inside:avoid}
figure.wide{grid-column:1/-1}
figure>svg,.panels>svg,.scroll>svg{display:block;width:100%;height:auto;max-width:520px}
.scroll{overflow-x:auto}
.scroll svg{min-width:600px;max-width:900px}
.panels{display:flex;flex-wrap:wrap;gap:16px}
.panels svg{flex:0 0 233px;width:233px}
figcaption{font-size:13.5px;line-height:1.45;margin-top:8px;max-width:64ch}
.key{display:flex;flex-wrap:wrap;gap:2px 16px;margin:2px 0 6px;padding:0;list-style:none;font-size:13px;color:var(--muted);min-height:21px}
.key svg{display:inline-block;width:22px;height:10px;margin-right:6px;vertical-align:middle;overflow:visible}
.figures-of-merit{display:grid;align-items:end;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:20px 24px;margin:28px 0 0;padding:0}
.figures-of-merit dt{font-size:13px;color:var(--muted)}
.figures-of-merit dd{margin:0;font-size:24px;font-weight:600;letter-spacing:-.01em;font-variant-numeric:tabular-nums;white-space:nowrap}
.figures-of-merit dd small{font-size:13px;font-weight:400;color:var(--muted);letter-spacing:0}
.notes{margin-top:24px;padding-left:14px;border-left:3px solid var(--axis);font-size:14px}
.notes p{margin:0}
.choices{columns:3 300px;column-gap:40px;margin-top:16px;font-size:14px}
.choices div{display:flex;justify-content:space-between;gap:16px;padding:4px 0;border-bottom:1px solid var(--grid);break-inside:avoid}
.choices dt{color:var(--muted)}
.choices dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
@media (max-width:820px){.panels svg{flex-basis:calc(50% - 8px);width:calc(50% - 8px)}main{padding:28px 16px 48px}h2{margin-top:40px}}
@media print{main{max-width:none;padding:0}h2{margin-top:24px}h2,.intro{break-after:avoid}.panels svg{flex-basis:calc(25% - 12px);width:calc(25% - 12px)}.figures{grid-template-columns:1fr 1fr;gap:20px}.scroll{overflow:visible}.scroll svg{min-width:0}body{font-size:12px}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)";
  return style;
}

}  // namespace cnf::report
