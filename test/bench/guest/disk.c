/* Requests to block devices in a Linux guest, past the page cache: `disk NAME MIB ROW…` finds the virtio disk of MIB mebibytes
   and prints "NAME.ROW <n> us <total microseconds>" for each row. Rows that write end with fdatasync, inside the time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
enum { CHUNK=1<<20, SMALL=4096, SPAN=128<<20, DEPTH=8, CLUSTER=65536, RANDOM=3000, SYNCS=150 };
static int fd; static const char*row;
static double now(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return t.tv_sec*1e6+t.tv_nsec/1e3; }
static void fail(void){ perror(row); exit(1); }
static uint32_t rnd(uint32_t*s){ *s=*s*1664525u+1013904223u; return *s>>8; }
static char*buffer(size_t n){ void*p; if(posix_memalign(&p,4096,n)) fail(); memset(p,0x5a,n); return p; }
static void sync_(void){ if(fdatasync(fd)) fail(); }
static void request(int write,char*b,long n,long at){ if((write?pwrite(fd,b,n,at):pread(fd,b,n,at))!=n) fail(); }
static long seq(int write,long from,long total,long n,int sync){
  char*b=buffer(n); for(long o=0;o<total;o+=n){ request(write,b,n,from+o); if(sync) sync_(); }
  if(write&&!sync) sync_();
  free(b); return total/n;
}
static long small(int write,long n,int sync,uint32_t seed){
  char*b=buffer(SMALL);
  for(long i=0;i<n;i++){ request(write,b,SMALL,(long)(rnd(&seed)%(SPAN/SMALL))*SMALL); if(sync) sync_(); }
  free(b); return n;
}
/* Every cluster of the span once, in an order that jumps: 4 KiB somewhere in it. */
static long first(long from){
  char*b=buffer(SMALL); long n=SPAN/CLUSTER; uint32_t seed=5;
  for(long i=0;i<n;i++) request(1,b,SMALL,from+(i*1103%n)*CLUSTER+(long)(rnd(&seed)%16)*SMALL);
  sync_(); free(b); return n;
}
static int threads_write;
static void*thread(void*a){ small(threads_write,RANDOM/DEPTH,0,(uint32_t)(uintptr_t)a*7919u); return 0; }
static long deep(int write){
  pthread_t t[DEPTH]; threads_write=write;
  for(long i=0;i<DEPTH;i++) pthread_create(t+i,0,thread,(void*)(i+1));
  for(int i=0;i<DEPTH;i++) pthread_join(t[i],0);
  return RANDOM/DEPTH*DEPTH;
}
static long discard(void){
  uint64_t range[2]={0,SPAN}; if(ioctl(fd,BLKDISCARD,range)&&errno!=EOPNOTSUPP) fail();
  sync_(); return SPAN/CHUNK;
}
static long run(const char*r){
  if(!strcmp(r,"fill")) return seq(1,0,SPAN,CHUNK,0);
  if(!strcmp(r,"seqwrite")) return seq(1,0,SPAN,CHUNK,0);
  if(!strcmp(r,"seqsync")) return seq(1,0,SPAN/4,CHUNK,1);
  if(!strcmp(r,"seqread")) return seq(0,0,SPAN,CHUNK,0);
  if(!strcmp(r,"smallread")) return seq(0,0,12<<20,SMALL,0);
  if(!strcmp(r,"smallwrite")) return seq(1,0,12<<20,SMALL,0);
  if(!strcmp(r,"randread")) return small(0,RANDOM,0,1);
  if(!strcmp(r,"randwrite")) { long n=small(1,RANDOM,0,2); sync_(); return n; }
  if(!strcmp(r,"randsync")) return small(1,SYNCS,1,3);
  if(!strcmp(r,"deepread")) return deep(0);
  if(!strcmp(r,"deepwrite")) { long n=deep(1); sync_(); return n; }
  if(!strcmp(r,"firstrand")) return first(SPAN);
  if(!strcmp(r,"firstseq")) return seq(1,2L*SPAN,8<<20,SMALL,0);
  if(!strcmp(r,"discard")) return discard();
  fprintf(stderr,"no row %s\n",r); exit(1);
}
static void find(long mib){
  char path[64]; long sectors; FILE*f;
  for(char c='a';c<='z';c++){
    snprintf(path,sizeof path,"/sys/block/vd%c/size",c);
    if(!(f=fopen(path,"r"))) continue;
    if(fscanf(f,"%ld",&sectors)!=1) sectors=0;
    fclose(f);
    if(sectors!=mib<<11) continue;
    snprintf(path,sizeof path,"/dev/vd%c",c);
    if((fd=open(path,O_RDWR|O_DIRECT))<0) fail();
    return;
  }
  fail();
}
int main(int c,char**v){
  if(c<4) return 2;
  row=v[1]; find(atol(v[2]));
  for(int i=3;i<c;i++){
    row=v[i]; double t=now(); long n=run(v[i]);
    printf("%s.%s %ld us %.0f\n",v[1],v[i],n,now()-t); fflush(stdout);
  }
  return 0;
}
