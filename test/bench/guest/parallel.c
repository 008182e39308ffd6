/* A parallel load: the same integer work by one thread, then by as many threads as asked for, each with its share of
   it and memory of its own. Prints "alone <result> us <n>" and "shared <result> us <n>"; the results are equal. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define MOST 16
#define WORDS 8192
#define BLOCKS 96 /* divisible by 1, 2, 3, 4, 6, 8 */
static double now(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return t.tv_sec*1e6+t.tv_nsec/1e3; }
static int rounds=60;
struct share { int first, count; uint64_t sum; };
/* One block: fill 64 KiB, then passes of dependent and independent arithmetic over it. */
static uint64_t block(uint64_t seed, uint64_t*m){ uint64_t x=seed*0x9e3779b97f4a7c15u+1, s=0; for(int i=0;i<WORDS;i++){ x^=x<<13; x^=x>>7; x^=x<<17; m[i]=x; }
 for(int r=0;r<rounds;r++) for(int i=0;i<WORDS;i++){ uint64_t v=m[i]+(m[(i*7+r)&(WORDS-1)]>>3); s=(s^v)*0x100000001b3u; m[i]=v^(s>>29); }
 return s; }
static void*work(void*p){ struct share*w=p; uint64_t*m=malloc(WORDS*8); for(int i=0;i<w->count;i++) w->sum+=block(w->first+i,m); free(m); return 0; }
static void run(const char*name,int n){ pthread_t t[MOST]; struct share w[MOST]; double t0=now(); for(int i=0;i<n;i++){ w[i]=(struct share){BLOCKS/n*i,BLOCKS/n,0}; if(i) pthread_create(&t[i],0,work,&w[i]); }
 work(&w[0]); uint64_t s=w[0].sum; for(int i=1;i<n;i++){ pthread_join(t[i],0); s+=w[i].sum; } printf("%s %016llx us %.0f\n",name,(unsigned long long)s,now()-t0); fflush(stdout); }
int main(int argc,char**argv){ int n=argc>1?atoi(argv[1]):2; if(argc>2) rounds=atoi(argv[2]); if(n<1||n>MOST||BLOCKS%n) return 2; run("alone",1); run("shared",n); return 0; }
